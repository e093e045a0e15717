"""The formats that PyTorch had before 1.6 (pickles, and then the storages), and before 0.1.10
(a tar file)."""

from __future__ import annotations

import pickle
import struct
import sys
import tarfile
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxtorch.dtypes import dtype as Dtype
from jaxtorch.serialization import locations, options, safety
from jaxtorch.serialization.archive import read_exactly, zero_bytes
from jaxtorch.serialization.saving import MAGIC_NUMBER, PROTOCOL_VERSION
from jaxtorch.serialization.weights_only import Scan
from jaxtorch.storage import TypedStorage, UntypedStorage, tensor_on

__all__ = ["load"]


def load(file, restore: Callable, unpickler: Callable, weights_only: bool) -> Any:
    """Read a file that is no zip archive."""
    start = file.tell()
    if start == 0 and _is_tar(file):
        if weights_only:
            raise RuntimeError(
                "Cannot use ``weights_only=True`` with files saved in the legacy .tar format. Load "
                "it with weights_only=False if you trust where it is from"
            )
        return _load_tar(file, restore, unpickler)
    file.seek(start)

    def plain() -> Any:
        return unpickler(file, _no_storage).load()

    if plain() != MAGIC_NUMBER:
        raise RuntimeError("Invalid magic number; corrupt file?")
    version = plain()
    if version != PROTOCOL_VERSION:
        raise RuntimeError(f"Invalid protocol version: {version}")
    plain()  # of the machine that wrote it: whatever it was, the numbers are little-endian

    # The storages come after the pickle whose tensors are made of them: it is gone through twice,
    # and the first time only to learn of what types they are.
    here = file.tell()
    kinds = dict(_announced(file, weights_only))
    keys = plain()
    if not isinstance(keys, list) or not all(isinstance(key, str | bytes) for key in keys):
        raise RuntimeError("the list of storages is missing; corrupt file?")
    arrays = {key: _read_storage(file, kinds, key) for key in map(_text, keys)}
    end = file.tell()
    file.seek(here)
    found = unpickler(file, _Storages(arrays, restore)).load()
    file.seek(end)
    return found


def _no_storage(saved_id):
    raise pickle.UnpicklingError(f"unexpected persistent id {saved_id!r}")


def _announced(file, weights_only: bool):
    """(key, dtype) of the storages that a pickle names."""
    scan: Any = Scan(file) if weights_only else _TrustedScan(file)
    scan.load()
    for pid in filter(_is_storage, scan.storages):
        kind = safety.names().get(getattr(pid[1], "path", ""))
        yield _text(pid[2]), safety.storage_dtype(kind)


def _is_storage(pid) -> bool:
    return (
        isinstance(pid, tuple) and len(pid) == 6 and pid[0] in ("storage", b"storage")
        and isinstance(pid[2], str | bytes)
    )  # fmt: skip


def _text(key: str | bytes) -> str:
    """A key in a file of Python 2's, which had no other texts than bytes."""
    return key.decode("latin1") if isinstance(key, bytes) else key


class _TrustedScan(pickle.Unpickler):
    """The same for any protocol: what the pickle names is replaced by what does nothing."""

    def __init__(self, file):
        super().__init__(file, encoding="latin1")
        self.storages: list[tuple] = []

    def find_class(self, module: str, name: str):
        return type(name, (_Inert,), {"path": f"{module}.{name}"})

    def persistent_load(self, pid):
        self.storages.append(pid)
        is_module = isinstance(pid, tuple) and len(pid) == 4 and pid[0] == "module"
        return pid[1] if is_module else _Inert()


class _Inert:
    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, *args, **kwargs): ...

    def __call__(self, *args, **kwargs):
        return self

    def __setstate__(self, state): ...

    def __setitem__(self, key, value): ...

    def append(self, item): ...

    def extend(self, items): ...

    def add(self, item): ...


def _read_storage(file, kinds: dict, key) -> np.ndarray:
    if key not in kinds:
        raise RuntimeError(f"storage {key!r} belongs to no tensor; corrupt file?")
    kind: Dtype = kinds[key]
    (count,) = struct.unpack("<q", read_exactly(file, None, 8).tobytes())
    if count < 0:
        raise RuntimeError(f"storage {key!r} has {count} elements; corrupt file?")
    size = count * kind.itemsize
    if options.skips_data():
        file.seek(size, 1)
        return zero_bytes(size)
    array = read_exactly(file, None, size)
    return array if sys.byteorder == "little" else locations.swapped(array, kind)


class _Storages:
    """The ``persistent_load`` of a pickle whose storages are there already."""

    def __init__(self, arrays: dict[str, np.ndarray], restore: Callable):
        self.arrays, self.restore = arrays, restore
        self.made: dict[str, UntypedStorage] = {}

    def __call__(self, saved_id) -> Any:
        if isinstance(saved_id, tuple) and len(saved_id) == 4 and saved_id[0] == "module":
            return saved_id[1]  # with its source, which is not compared
        if not _is_storage(saved_id):
            raise pickle.UnpicklingError(f"unknown persistent id {saved_id!r}")
        _, kind, key, location, _, view = saved_id
        key = _text(key)
        if key not in self.arrays or not isinstance(location, str | bytes):
            raise pickle.UnpicklingError(f"unknown persistent id {saved_id!r}")
        if key not in self.made:
            self.made[key] = self.restore(UntypedStorage.of_bytes(self.arrays[key]), location)
        dtype = safety.storage_dtype(kind)
        storage = TypedStorage(wrap_storage=self.made[key], dtype=dtype, _internal=True)
        if view is not None:
            storage.first = int(view[1])
        return storage


# -- tar --------------------------------------------------------------------------------------


def _is_tar(file) -> bool:
    try:
        tarfile.open(fileobj=file, mode="r:").close()
        return True
    except (tarfile.TarError, EOFError, OSError, ValueError):
        return False
    finally:
        file.seek(0)


def _load_tar(file, restore: Callable, unpickler: Callable) -> Any:
    with tarfile.open(fileobj=file, mode="r:") as tar:
        objects: dict[int, Any] = {}

        def known(saved_id):
            return saved_id[0] if isinstance(saved_id, tuple) else objects[int(saved_id)]

        def pickles(part):
            return unpickler(part, known).load()

        part = _member(tar, "storages")
        for _ in range(pickles(part)):
            key, location, kind = pickles(part)
            array = _read_storage(part, {key: kind.dtype}, key)
            storage = restore(UntypedStorage.of_bytes(array), location)
            objects[key] = TypedStorage(wrap_storage=storage, dtype=kind.dtype, _internal=True)
        for target, root, offset, _ in pickles(part):
            of = objects[root]
            view = TypedStorage(wrap_storage=of.untyped(), dtype=of.dtype, _internal=True)
            view.first = of.first + offset
            objects[target] = view

        part = _member(tar, "tensors")
        for _ in range(pickles(part)):
            key, storage_key, _ = pickles(part)
            (ndim,) = struct.unpack("<i4x", part.read(8))
            size = struct.unpack(f"<{ndim}q", part.read(8 * ndim))
            stride = struct.unpack(f"<{ndim}q", part.read(8 * ndim))
            (offset,) = struct.unpack("<q", part.read(8))
            of = objects[storage_key]
            objects[key] = tensor_on(of.untyped(), of.dtype, of.first + offset, size, stride)
        return pickles(_member(tar, "pickle"))


def _member(tar: tarfile.TarFile, name: str):
    """One part of the archive, read where it is: nothing is unpacked to a path."""
    try:
        part = tar.extractfile(name)
    except KeyError:
        part = None
    if part is None:
        raise RuntimeError(f"the tar archive has no {name}; corrupt file?")
    return part
