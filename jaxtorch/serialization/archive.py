"""The zip archives that checkpoints are: records stored as they are, each aligned to 64 bytes.

Reading believes nothing: a record that reaches outside the file, over another, or that is not what
its checksum says is refused before anything is made of it.
"""

from __future__ import annotations

import mmap
import os
import struct
import zipfile
import zlib
from typing import Any, BinaryIO

import numpy as np

from jaxtorch.serialization import options

MAGIC = b"PK\x03\x04"
_ALIGNMENT = 64
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_DAY = (1 << 5) | 1  # 1980-01-01: a file is the same whenever it is written
_MOST = 0xFFFFFFFF
_UTF8 = 0x800
_INFLATION = 100  # times: a compressed record that claims more, and is large, is a zip bomb
_HARMLESS = 1 << 24
_PIECE = 1 << 26


class Writer:
    """Writes an archive from front to back; the file need not be seekable."""

    def __init__(self, file, root: str):
        self.file, self.root = file, root
        self._at = 0
        self._index: list[tuple[bytes, int, int, int]] = []

    def _put(self, data) -> None:
        self.file.write(data)
        self._at += len(data)

    def record(self, name: str, data: bytes | np.ndarray) -> None:
        """Write one record. ``data``: bytes, or a flat array of uint8."""
        view = memoryview(data).cast("B")
        crc = zlib.crc32(view) if options.get_crc32_options() else 0
        start, size, path = self._at, view.nbytes, f"{self.root}/{name}".encode()
        wide = struct.pack("<2H2Q", 1, 16, size, size) if size >= _MOST else b""
        length = start + _LOCAL.size + len(path) + len(wide) + 4
        padding = b"Z" * (-length % _ALIGNMENT)
        extra = wide + struct.pack("<2s1H", b"FB", len(padding)) + padding
        short = min(size, _MOST)
        version = 45 if wide else 20
        header = (b"PK\x03\x04", version, _UTF8, 0, 0, _DAY, crc, short, short)
        self._put(_LOCAL.pack(*header, len(path), len(extra)) + path + extra)
        self._put(view)
        self._index.append((path, crc, size, start))

    def close(self) -> None:
        """Write the index, without which the file is no archive."""
        start = self._at
        for path, crc, size, offset in self._index:
            wide = [n for n in (size, size, offset) if n >= _MOST]
            extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
            short = min(size, _MOST)
            self._put(
                _CENTRAL.pack(
                    b"PK\x01\x02", 45, 45 if wide else 20, _UTF8, 0, 0, _DAY, crc, short, short,
                    len(path), len(extra), 0, 0, 0, 0, min(offset, _MOST),
                ) + path + extra
            )  # fmt: skip
        end, count = self._at, len(self._index)
        if max(start, end - start) >= _MOST or count >= 0xFFFF:
            self._put(
                _END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, end - start, start)
                + _LOCATOR64.pack(b"PK\x06\x07", 0, end, 1)
            )
        few = min(count, 0xFFFF)
        size, at = min(end - start, _MOST), min(start, _MOST)
        self._put(_END.pack(b"PK\x05\x06", 0, 0, few, few, size, at, 0))


def _damaged(what: str) -> RuntimeError:
    return RuntimeError(
        f"PytorchStreamReader failed reading zip archive: {what}. The file is damaged or incomplete"
    )


class Reader:
    """The records of an archive. ``RuntimeError`` for anything that is not as it should be."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self._memory: np.ndarray | None = None
        try:
            archive = zipfile.ZipFile(file)
            records = archive.infolist()
        except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, struct.error) as error:
            raise _damaged(f"failed finding central directory ({error})") from error
        except (UnicodeDecodeError, NotImplementedError, EOFError, IndexError) as error:
            raise _damaged(f"unreadable central directory ({error})") from error
        self._length = file.seek(0, os.SEEK_END)
        self._records = {record.filename: record for record in records}
        if len(self._records) != len(records):
            raise _damaged("two records have the same name")
        roots = [n[: -len("data.pkl")] for n in self._records if n.endswith("/data.pkl")]
        if len(roots) != 1:
            raise _damaged("file not found: data.pkl")
        self.root = roots[0]
        self._starts: dict[str, int] = {}
        self._check_layout()

    def _check_layout(self) -> None:
        """Every record is a piece of the file of its own: none may be counted twice."""
        before = 0
        for record in sorted(self._records.values(), key=lambda r: r.header_offset):
            self.file.seek(max(record.header_offset, 0))
            header = self.file.read(_LOCAL.size)
            if record.header_offset < before or len(header) < _LOCAL.size:
                raise _damaged(f"record {record.filename} lies over another or outside the file")
            fields = _LOCAL.unpack(header)
            start = record.header_offset + _LOCAL.size + fields[-2] + fields[-1]
            if fields[0] != MAGIC or start + record.compress_size > self._length:
                raise _damaged(f"record {record.filename} is not where it should be")
            if record.compress_type == zipfile.ZIP_STORED:
                if record.compress_size != record.file_size:
                    raise _damaged(f"record {record.filename} has two sizes")
            elif record.compress_type != zipfile.ZIP_DEFLATED:
                raise _damaged(f"record {record.filename} is compressed in an unknown way")
            elif record.file_size > max(_HARMLESS, _INFLATION * record.compress_size):
                raise _damaged(
                    f"record {record.filename} claims to be {record.file_size} bytes, made of "
                    f"{record.compress_size}"
                )
            self._starts[record.filename] = start
            before = start + record.compress_size

    def has(self, name: str) -> bool:
        return self.root + name in self._records

    def names(self) -> list[str]:
        """All records, in the order of the index."""
        return [path[len(self.root) :] for path in self._records if path.startswith(self.root)]

    def start(self, name: str) -> int:
        """Where in the file the record's bytes begin. RuntimeError if there is none."""
        self.size(name)
        return self._starts[self.root + name]

    def size(self, name: str) -> int:
        """How many bytes the record has. RuntimeError if there is none."""
        if not self.has(name):
            raise RuntimeError(
                f"PytorchStreamReader failed locating file {name}: file not found in the archive"
            )
        return self._records[self.root + name].file_size

    def map(self, path) -> None:
        """Have the file in memory without reading it: what is read is what is looked at."""
        with open(path, "rb") as file:
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self._memory = np.frombuffer(mapping, np.uint8)

    def read(self, name: str) -> bytes:
        return self.array(name).tobytes()

    def array(self, name: str) -> np.ndarray:
        """A record's bytes, as an array that nobody else has (or of the mapped file: unchecked,
        for that would read it)."""
        size = self.size(name)
        record: Any = self._records[self.root + name]
        start = self._starts[record.filename]
        if record.compress_type == zipfile.ZIP_DEFLATED:
            packed = read_exactly(self.file, start, record.compress_size)
            data = self._inflated(packed, record)
        elif self._memory is not None:
            return self._memory[start : start + size]
        else:
            data = read_exactly(self.file, start, size)
        # A writer told to compute no checksums leaves zeros in their place.
        if record.CRC and zlib.crc32(data) != record.CRC:
            raise RuntimeError(
                f"PytorchStreamReader failed reading file {name}: its checksum is wrong "
                f"({zlib.crc32(data):08x}, not {record.CRC:08x}). The file is damaged"
            )
        return data

    def _inflated(self, packed: np.ndarray, record) -> np.ndarray:
        unpacker = zlib.decompressobj(-15)
        try:
            data = unpacker.decompress(packed.tobytes(), record.file_size + 1)
        except zlib.error as error:
            raise _damaged(f"record {record.filename} cannot be decompressed ({error})") from error
        if len(data) != record.file_size:
            raise _damaged(f"record {record.filename} is not of the size it claims")
        return np.frombuffer(data, np.uint8)


def aligned_bytes(size: int) -> np.ndarray:
    """Uninitialised bytes where XLA takes them over without a copy."""
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + size]


def zero_bytes(size: int) -> np.ndarray:
    data = aligned_bytes(size)
    data[:] = 0
    return data


def _read_some(file, view: memoryview) -> int:
    if hasattr(file, "readinto"):
        return file.readinto(view)
    piece = file.read(len(view))
    view[: len(piece)] = piece
    return len(piece)


def read_exactly(file, start: int | None, size: int) -> np.ndarray:
    """``size`` bytes of a file, from ``start`` or where it stands. RuntimeError if it has fewer."""
    if start is not None:
        file.seek(start)
    here = file.tell()
    left = file.seek(0, os.SEEK_END) - here
    file.seek(here)
    if left < size:
        raise RuntimeError(
            f"unexpected EOF, expected {size - left} more bytes. The file might be corrupted."
        )
    data = aligned_bytes(size)
    view, done = memoryview(data), 0
    while done < size:
        count = _read_some(file, view[done : done + _PIECE])
        if not count:
            raise RuntimeError("unexpected EOF. The file might be corrupted.")
        done += count
    return data
