"""Objects from process to process, their arrays through shared memory that has no name.

A message is 24 bytes on a socket, followed by a short pickle, or accompanied by the descriptor of
a memory file that holds the pickle and, apart from it, the bytes of its arrays. The kernel frees
that file with its last descriptor: however a process ends, nothing is left in ``/dev/shm``. And as
every message is short, a sender never waits for a reader who is himself sending.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import socket
import struct
import tempfile
import weakref
from multiprocessing.reduction import ForkingPickler

import numpy as np

from jaxtorch import dtypes
from jaxtorch.utils.data import tensors

__all__ = ["Packed", "pack", "receive", "send", "send_packed"]

_HEADER = struct.Struct("<qqq")  # the message's tag, bytes that follow, bytes in the memory file
_INLINE = 256
_ALIGNMENT = 64  # XLA takes over a host buffer without a copy only from such an address
_MOST_MAPPED = 128  # each live mapping holds a file descriptor; beyond this, bytes are copied out
_mapped: weakref.WeakSet = weakref.WeakSet()


def _as_tensor(array: np.ndarray, dtype: str, requires_grad: bool):
    tensor = tensors.from_array(array.view(dtypes.ALL[dtype].numpy))
    return tensor.requires_grad_() if requires_grad else tensor


class _Pickler(ForkingPickler):
    def reducer_override(self, obj):
        if isinstance(obj, tensors.Deferred):
            array, requires_grad = obj.array, False
        elif type(obj) is tensors.Tensor:  # a Parameter pickles itself, as a module's part
            array, requires_grad = tensors.to_array(obj), obj.requires_grad
        else:
            return NotImplemented
        name = dtypes.from_numpy_dtype(array.dtype).name
        if array.dtype.kind == "V":  # NumPy would copy bfloat16 into the pickle
            array = array.view(np.uint16)
        return _as_tensor, (np.asarray(array, order="C"), name, requires_grad)


def dumps(obj) -> tuple[bytes, list[memoryview]]:
    """The pickle of an object, and the buffers that it refers to."""
    file, buffers = io.BytesIO(), []
    _Pickler(file, 5, True, buffers.append).dump(obj)
    return file.getvalue(), [buffer.raw() for buffer in buffers]


def _memory_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("jaxtorch")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _write(fd: int, data, offset: int) -> None:
    data = memoryview(data).cast("B")
    while data:
        count = os.pwrite(fd, data, offset)
        data, offset = data[count:], offset + count


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


class Packed:
    """A pickled object in a memory file: ``fd`` and ``size``. Closed when dropped."""

    def __init__(self, data: bytes, buffers: list[memoryview]):
        sizes = [len(data), *(buffer.nbytes for buffer in buffers)]
        table = struct.pack(f"<{len(sizes) + 1}q", len(sizes), *sizes)
        self.fd = _memory_file()
        weakref.finalize(self, os.close, self.fd)
        _write(self.fd, table, 0)
        offset = _aligned(len(table))
        for part, size in zip([data, *buffers], sizes, strict=True):
            _write(self.fd, part, offset)
            offset = _aligned(offset + size)
        self.size = offset
        os.truncate(self.fd, offset)


def _parts(memory: memoryview) -> list[memoryview]:
    count = struct.unpack_from("<q", memory)[0]
    sizes = struct.unpack_from(f"<{count}q", memory, 8)
    offset, parts = _aligned(8 * (count + 1)), []
    for size in sizes:
        parts.append(memory[offset : offset + size])
        offset = _aligned(offset + size)
    return parts


def _copied(fd: int, size: int) -> memoryview:
    memory = tensors.aligned_empty((size,), np.dtype(np.uint8)).data
    offset = 0
    while offset < size:
        offset += os.preadv(fd, [memory[offset:]], offset)
    return memory


def _unpack(fd: int, size: int, private: bool):
    if len(_mapped) >= _MOST_MAPPED:
        memory = _copied(fd, size)
    else:
        # Private: several workers have the dataset's arrays, and may write to them each for itself.
        access = mmap.MAP_PRIVATE if private else mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
        mapping = mmap.mmap(fd, size, access, mmap.PROT_READ | mmap.PROT_WRITE)
        _mapped.add(mapping)
        memory = memoryview(mapping)
    data, *buffers = _parts(memory)
    return pickle.loads(data, buffers=buffers)


def pack(obj) -> Packed | bytes:
    """What :func:`send` sends: to be made ahead where an error in pickling matters."""
    data, buffers = dumps(obj)
    return data if len(data) <= _INLINE and not buffers else Packed(data, buffers)


def send_packed(link: socket.socket, tag: int, packed: Packed | bytes) -> None:
    """Send what :func:`pack` has made. OSError if the other side is gone."""
    if isinstance(packed, bytes):
        link.sendall(_HEADER.pack(tag, len(packed), 0) + packed)
    else:
        socket.send_fds(link, [_HEADER.pack(tag, 0, packed.size)], [packed.fd])


def send(link: socket.socket, tag: int, obj) -> None:
    send_packed(link, tag, pack(obj))


def _read(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = link.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def receive(link: socket.socket, private: bool = False):
    """The next message as ``(tag, object)``. EOFError once the other side is gone.

    ``private`` is for a memory file that others read too.
    """
    data, fds, _, _ = socket.recv_fds(link, _HEADER.size, 1)
    try:
        if not data:
            raise EOFError
        data += _read(link, _HEADER.size - len(data))
        tag, inline, size = _HEADER.unpack(data)
        if size:
            return tag, _unpack(fds[0], size, private)
        return tag, pickle.loads(_read(link, inline))
    finally:
        for fd in fds:
            os.close(fd)
