"""``torch.PyTorchFileReader`` and ``PyTorchFileWriter``: an archive's records one by one, for
programs that take out of a checkpoint what they need."""

from __future__ import annotations

import os
import weakref
from pathlib import Path

import numpy as np

from jaxtorch import dtypes
from jaxtorch.serialization.archive import Reader, Writer
from jaxtorch.storage import UntypedStorage, tensor_on
from jaxtorch.tensor import Tensor

__all__ = ["PyTorchFileReader", "PyTorchFileWriter"]


class PyTorchFileReader:
    """The records of a file, given by its path or as a file object that can seek. RuntimeError
    for what is no archive, or damaged."""

    def __init__(self, file):
        if isinstance(file, str | os.PathLike):
            try:
                file = open(file, "rb")  # noqa: SIM115  (as long as records are asked for)
            except OSError as error:
                raise RuntimeError(f"open file failed: {error}") from error
            weakref.finalize(self, file.close)
        self._file = file
        self._archive = Reader(file)

    def has_record(self, name: str) -> bool:
        return self._archive.has(name)

    def get_all_records(self) -> list[str]:
        return self._archive.names()

    def get_record(self, name: str) -> bytes:
        return self._archive.read(name)

    def get_record_size(self, name: str) -> int:
        return self._archive.size(name)

    def get_record_offset(self, name: str) -> int:
        """Where in the file the record's first byte is."""
        return self._archive.start(name)

    def get_storage_from_record(self, name: str, numel: int, dtype) -> Tensor:
        """The record as the storage of a tensor of size 0; RuntimeError unless it has just
        ``numel`` elements of ``dtype`` (or bytes, where that is UntypedStorage)."""
        if dtype is UntypedStorage:
            dtype = dtypes.uint8
        size, expected = self._archive.size(name), numel * dtype.itemsize
        if size != expected:
            raise RuntimeError(
                f"record size ({size} bytes) does not match expected size ({expected} bytes = "
                f"{numel} elements * {dtype.itemsize} bytes/element) for dtype {dtype.legacy}"
            )
        storage = UntypedStorage.of_bytes(self._archive.array(name))
        return tensor_on(storage, dtype, 0, (0,), (1,))


class PyTorchFileWriter:
    """Writes an archive's records one after another, into a path or a file object, until
    ``write_end_of_file``."""

    def __init__(self, file):
        is_path = isinstance(file, str | os.PathLike)
        self._name = Path(file).stem if is_path else "archive"
        self._file = open(file, "wb") if is_path else file  # noqa: SIM115
        self._owned = is_path
        self._archive: Writer | None = Writer(self._file, self._name)
        self._written: list[str] = []

    def archive_name(self) -> str:
        return self._name

    def get_all_written_records(self) -> set[str]:
        return set(self._written)

    def write_record(self, name: str, data, size: int) -> None:
        """Write the first ``size`` bytes of ``data``: bytes, a str, or a storage."""
        if self._archive is None:
            raise RuntimeError("write_record() after write_end_of_file()")
        if name in self._written:
            raise RuntimeError(f"Record {name} was already written")
        if isinstance(data, str):
            data = data.encode()
        array = data.numpy() if isinstance(data, UntypedStorage) else np.frombuffer(data, np.uint8)
        if size > array.size:
            raise RuntimeError(f"record {name} has {array.size} bytes, not {size}")
        self._archive.record(name, array[:size])
        self._written.append(name)

    def write_end_of_file(self) -> None:
        """Write the index, without which the file is no archive."""
        if self._archive is None:
            return
        if "version" not in self._written:
            self._archive.record("version", b"3\n")
        self._archive.close()
        self._archive = None
        if self._owned:
            self._file.close()
