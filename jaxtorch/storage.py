"""Storages: the bytes that a tensor and its views share, to be asked and never written.

A value here is immutable and moves when its tensor is written to, so what a storage is worth is
that it can be recognised: ``a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()`` says
whether a write to one shows in the other. Checkpoints are written and read in terms of them.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import warnings
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxtorch import devices, dtypes
from jaxtorch.engine import force
from jaxtorch.engine.aliases import Storage
from jaxtorch.engine.handles import node_of_numpy
from jaxtorch.ops import strides, views
from jaxtorch.tensor import Tensor, wrap

__all__ = ["TypedStorage", "UntypedStorage", "is_storage", "tensor_on"]

_NAMED = (
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
    "complex128", "complex64",
)  # fmt: skip
CLASS_NAMES = {dtypes.ALL[name]: f"{dtypes.ALL[name].legacy}Storage" for name in _NAMED}
# PyTorch names no class of storages for the others: their bytes lie in an UntypedStorage.
UNNAMED = frozenset(dtypes.ALL.values()) - frozenset(CLASS_NAMES)

_MOST_BYTES = 1 << 56  # XLA ends the process over shapes whose bytes it cannot count
_next_address = itertools.count(0x7F00_0000_0000, 1 << 40).__next__
_DEPRECATED = (
    "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the "
    "only storage class. This should only matter to you if you are using storages directly.  To "
    "access UntypedStorage directly, use tensor.untyped_storage() instead of tensor.storage()"
)


def _refuse(name: str):
    def refuse(self, *args, **kwargs):
        raise NotImplementedError(
            f"{type(self).__name__}.{name}: storages are read-only here, for arrays are never "
            "written to. Write to the tensor instead (copy_, fill_, indexing), or make another"
        )

    refuse.__name__ = refuse.__qualname__ = name
    return refuse


class _Asked:
    """What typed and untyped storages answer alike."""

    __slots__ = ()
    is_sparse = False

    def __len__(self) -> int:
        return self.size()

    def __iter__(self):
        return iter(self.tolist())

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    def get_device(self) -> int:
        return -1 if self.device.index is None else self.device.index

    def is_shared(self) -> bool:
        return False

    def is_pinned(self, device=None) -> bool:
        return False

    def resizable(self) -> bool:
        return False

    def __array__(self, dtype=None, copy=None):
        array = self.numpy()
        return array if dtype is None and not copy else np.array(array, dtype=dtype)

    def cpu(self):
        return self.to(device="cpu")

    def cuda(self, device=None, non_blocking: bool = False):
        return self.to(device="cuda" if device is None else device)

    def __repr__(self) -> str:
        lines = "".join(f" {value}\n" for value in self.tolist())
        return f"{lines}[{self._described()} of size {len(self)}]"

    __setitem__ = _refuse("__setitem__")
    copy_ = _refuse("copy_")
    fill_ = _refuse("fill_")
    resize_ = _refuse("resize_")
    share_memory_ = _refuse("share_memory_")
    pin_memory = _refuse("pin_memory")


class UntypedStorage(_Asked):
    """The bytes behind a tensor. ``UntypedStorage(8)`` has eight zeros, ``UntypedStorage([1, 2])``
    these two.

    Bytes that were read from a file wait as they are until the first tensor is made on them.
    """

    __slots__ = ("_home", "_bytes", "_place", "__weakref__")
    _home: Storage | None
    _bytes: np.ndarray

    def __init__(self, *args, device=None):
        data = args[0] if args else 0
        if len(args) > 1 or not isinstance(data, int | Sequence):
            raise TypeError(f"UntypedStorage() takes a size or a sequence of bytes, not {args}")
        array = np.zeros(data, np.uint8) if isinstance(data, int) else np.array(data, np.uint8)
        self._begin(array, str(devices.device("cpu" if device is None else device)))

    def _begin(self, array: np.ndarray, place: str) -> None:
        self._home, self._bytes, self._place = None, array, place

    @classmethod
    def of_bytes(cls, array: np.ndarray, place: str = "cpu") -> UntypedStorage:
        """A storage of a flat uint8 array, which nobody may write to afterwards."""
        storage = cls.__new__(cls)
        storage._begin(array, place)
        return storage

    @classmethod
    def of(cls, tensor: Tensor) -> UntypedStorage:
        """The one storage of a tensor, its views and what was detached from it."""
        home, _ = tensor._home()
        known = home.shown() if home.shown is not None else None
        if known is None:
            known = cls.__new__(cls)
            known._home = home
            home.shown = weakref.ref(known)
        return known

    @classmethod
    def from_file(cls, filename, shared: bool = False, nbytes: int = 0) -> UntypedStorage:
        """The first ``nbytes`` of a file, read as they are looked at. RuntimeError if it has
        fewer."""
        if shared:
            raise NotImplementedError("UntypedStorage.from_file(shared=True): nothing is written")
        size = os.path.getsize(filename)
        if size < nbytes:
            raise RuntimeError(f"{filename} has {size} bytes, {nbytes} were asked for")
        if not nbytes:
            return cls.of_bytes(np.empty(0, np.uint8))
        # Copied on write, though nobody writes: XLA must not meet memory that it could not.
        return cls.of_bytes(np.asarray(np.memmap(filename, np.uint8, "c", shape=(nbytes,))))

    def numpy(self) -> np.ndarray:
        """The bytes, flat; read-only."""
        if self._home is None:
            return self._bytes
        return np.ascontiguousarray(force(self._home._node)).reshape(-1).view(np.uint8)

    @property
    def device(self) -> devices.device:
        return devices.device(self._place if self._home is None else self._home._node.aval.place)

    def nbytes(self) -> int:
        if self._home is None:
            return self._bytes.nbytes
        return math.prod(self._home.shape) * self._home._node.aval.dtype.itemsize

    size = nbytes

    def element_size(self) -> int:
        return 1

    def data_ptr(self) -> int:
        """A number of this storage's own for as long as a tensor has it; 0 if it is empty."""
        if self._home is None:
            tensor_on(self, dtypes.uint8, 0, (self.nbytes(),), (1,))
        return address_of(self._home) if self.nbytes() else 0

    _cdata = property(data_ptr)

    def tolist(self) -> list:
        return self.numpy().tolist()

    def __getitem__(self, index):
        found = self.numpy()[index]
        return UntypedStorage.of_bytes(found, str(self.device)) if found.ndim else int(found)

    def clone(self) -> UntypedStorage:
        return UntypedStorage.of_bytes(self.numpy().copy(), str(self.device))

    def to(self, *, device, non_blocking: bool = False) -> UntypedStorage:
        """This storage itself where it is on ``device``, else a copy there."""
        place = str(devices.from_jax(devices.jax_device(devices.device(device))))
        if place == str(self.device):
            return self
        return UntypedStorage.of_bytes(self.numpy(), place)

    def untyped(self) -> UntypedStorage:
        return self

    def type(self) -> str:
        return "torch.storage.UntypedStorage"

    def _described(self) -> str:
        return f"torch.storage.UntypedStorage(device={self.device})"

    def __reduce__(self):
        return _of_bytes, (self.numpy(), str(self.device))

    def __deepcopy__(self, memo):
        memo[id(self)] = twin = self.clone()
        return twin


def _of_bytes(array: np.ndarray, place: str) -> UntypedStorage:
    return UntypedStorage.of_bytes(array, place)


class TypedStorage(_Asked):
    """An UntypedStorage counted in elements of a dtype. Deprecated, as in torch."""

    __slots__ = ("_untyped_storage", "dtype", "first")
    dtype: dtypes.dtype
    first: int  # elements of the storage before this one's first: files of PyTorch 0.1 have such

    def __init__(
        self, *args, wrap_storage: UntypedStorage | None = None, dtype=None, device=None,
        _internal: bool = False,
    ):  # fmt: skip
        if not _internal:
            _warn()
        dtype = dtype or dtypes.get_default_dtype()
        if wrap_storage is None:
            data = args[0] if args else 0
            of = np.zeros if isinstance(data, int) else np.array
            array = of(data, dtype.numpy)
            wrap_storage = UntypedStorage.of_bytes(
                array.view(np.uint8), str(devices.device("cpu" if device is None else device))
            )
        elif not isinstance(wrap_storage, UntypedStorage):
            raise TypeError(
                f"Argument 'wrap_storage' must be UntypedStorage, but got {type(wrap_storage)}"
            )
        self._untyped_storage, self.dtype, self.first = wrap_storage, dtype, 0

    @property
    def device(self) -> devices.device:
        return self._untyped_storage.device

    def untyped(self) -> UntypedStorage:
        return self._untyped_storage

    def element_size(self) -> int:
        return self.dtype.itemsize

    def nbytes(self) -> int:
        return self._untyped_storage.nbytes()

    def size(self) -> int:
        return self.nbytes() // self.dtype.itemsize

    def data_ptr(self) -> int:
        return self._untyped_storage.data_ptr()

    _cdata = property(data_ptr)

    def numpy(self) -> np.ndarray:
        return self._untyped_storage.numpy().view(self.dtype.numpy)

    def tolist(self) -> list:
        return self.numpy().tolist()

    def __getitem__(self, index):
        if isinstance(index, slice):
            raise RuntimeError(
                "slices are only supported in UntypedStorage.__getitem__, or of a tensor"
            )
        return self.numpy()[index].item()

    def clone(self) -> TypedStorage:
        return self._like(self._untyped_storage.clone())

    def to(self, *, device, non_blocking: bool = False) -> TypedStorage:
        return self._like(self._untyped_storage.to(device=device))

    def _like(self, untyped: UntypedStorage) -> TypedStorage:
        return TypedStorage(wrap_storage=untyped, dtype=self.dtype, _internal=True)

    def pickle_storage_type(self) -> str:
        return CLASS_NAMES[self.dtype]

    def type(self) -> str:
        prefix = "" if self.device.type == "cpu" else f"{self.device.type}."
        return f"torch.{prefix}{CLASS_NAMES[self.dtype]}"

    def _described(self) -> str:
        return f"torch.storage.TypedStorage(dtype={self.dtype}, device={self.device})"

    def __reduce__(self):
        return _of_type, (self._untyped_storage, self.dtype)

    def __deepcopy__(self, memo):
        memo[id(self)] = twin = self.clone()
        return twin


def _of_type(untyped: UntypedStorage, dtype: dtypes.dtype) -> TypedStorage:
    return TypedStorage(wrap_storage=untyped, dtype=dtype, _internal=True)


_warned = False


def _warn() -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(_DEPRECATED, UserWarning, stacklevel=3)


class _StorageType(type):
    """``FloatStorage(3)`` makes a TypedStorage; ``isinstance(s, FloatStorage)`` asks the dtype."""

    dtype: dtypes.dtype

    def __call__(cls, *args, wrap_storage=None):
        return TypedStorage(*args, wrap_storage=wrap_storage, dtype=cls.dtype)

    def __instancecheck__(cls, instance) -> bool:
        return (
            isinstance(instance, TypedStorage)
            and instance.dtype is cls.dtype
            and instance.device.type == "cpu"
        )


def storage_type(dtype: dtypes.dtype) -> Any:
    return _StorageType(CLASS_NAMES[dtype], (), {"dtype": dtype, "__module__": "torch"})


BFloat16Storage = storage_type(dtypes.bfloat16)
BoolStorage = storage_type(dtypes.bool)
ByteStorage = storage_type(dtypes.uint8)
CharStorage = storage_type(dtypes.int8)
ComplexDoubleStorage = storage_type(dtypes.complex128)
ComplexFloatStorage = storage_type(dtypes.complex64)
DoubleStorage = storage_type(dtypes.float64)
FloatStorage = storage_type(dtypes.float32)
HalfStorage = storage_type(dtypes.float16)
IntStorage = storage_type(dtypes.int32)
LongStorage = storage_type(dtypes.int64)
ShortStorage = storage_type(dtypes.int16)
CLASSES = {kind.dtype: kind for kind in list(globals().values()) if type(kind) is _StorageType}


def is_storage(obj) -> bool:
    """Is it an UntypedStorage or a TypedStorage?"""
    return isinstance(obj, UntypedStorage | TypedStorage)


# -- what a tensor answers --------------------------------------------------------------------


def address_of(home: Storage) -> int:
    """PyTorch's data_ptr of a storage: a number that only it has, and keeps as it is written to."""
    owner = home.owner()
    if home.address == 0:
        home.address = getattr(owner, "_address", 0) or _next_address()
    if owner is not None:
        owner._address = home.address
    return home.address


def geometry(tensor: Tensor) -> tuple[int, tuple[int, ...]] | None:
    """(offset, strides) of a tensor in its storage, in elements; None for views that show the
    storage as another dtype, a part of each element, or its conjugate."""
    home, steps = tensor._home()
    if home._node.aval.dtype is not tensor.dtype or tensor.is_conj():
        return None
    shape = tuple(home.shape)
    own = strides.contiguous_strides(shape)
    stages = strides.along(shape, own, steps, tensor.dtype.itemsize)
    return None if stages is None else (strides.storage_offset(tensor), stages[-1])


def tensor_on(
    storage: UntypedStorage, dtype: dtypes.dtype, offset: int, size: tuple, stride: tuple,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor on a storage, as ``Tensor.set_`` makes one: it shares with all others there.

    RuntimeError if it reaches outside.
    """
    size, stride = tuple(size), tuple(stride)
    count = storage.nbytes() // dtype.itemsize
    _check_reach(count, dtype, offset, size, stride)
    full = offset == 0 and math.prod(size) == count and _in_a_row(size, stride)
    if storage._home is None:
        array = storage._bytes[: count * dtype.itemsize].view(dtype.numpy)
        root = wrap(node_of_numpy(array.reshape(size) if full else array, storage._place))
        storage._home, _ = root._home()
        storage._home.shown = weakref.ref(storage)
        del storage._bytes
        if full:
            return root.requires_grad_() if requires_grad else root
    home = storage._home
    if home._node.aval.dtype is not dtype:
        raise NotImplementedError(
            f"a tensor of {dtype} on a storage that another tensor has as "
            f"{home._node.aval.dtype}: make it with Tensor.view(dtype)"
        )
    t = _strided(home, offset, size, stride, full)
    return t.requires_grad_() if requires_grad else t


def check_size(size: tuple, dtype: dtypes.dtype) -> None:
    """RuntimeError for what are no sizes of a tensor, or of one that no memory has room for."""
    if not all(type(n) is int and n >= 0 for n in size):
        raise RuntimeError(f"sizes {list(size)} are not those of a tensor")
    if math.prod(size) * dtype.itemsize >= _MOST_BYTES:
        raise RuntimeError(f"a tensor of sizes {list(size)} is larger than any memory")


def _check_reach(count: int, dtype: dtypes.dtype, offset: int, size: tuple, stride: tuple) -> None:
    whole = all(type(n) is int for n in (offset, *size, *stride))
    if not whole or len(size) != len(stride) or min((offset, *size, *stride)) < 0:
        raise RuntimeError(
            f"sizes {list(size)}, strides {list(stride)} and storage offset {offset} are not "
            "those of a tensor"
        )
    check_size(size, dtype)
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if 0 not in size and last >= count:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and "
            f"itemsize {dtype.itemsize} requiring a storage size of {(last + 1) * dtype.itemsize} "
            f"are out of bounds for storage of size {count * dtype.itemsize}"
        )


def _in_a_row(size: tuple, stride: tuple) -> bool:
    wanted = strides.contiguous_strides(size)
    return all(n == 1 or s == w for n, s, w in zip(size, stride, wanted, strict=True))


def _strided(home: Storage, offset: int, size: tuple, stride: tuple, full: bool) -> Tensor:
    """The views that lead from the storage to the tensor. Repeated dimensions are an expansion:
    a small storage may have a huge tensor, which must not be made before someone looks."""
    if full:
        steps = ((views._view.op, {"shape": size}, ()),)
    else:
        once = tuple(1 if s == 0 else n for n, s in zip(size, stride, strict=True))
        if 0 in size:
            once = size
        statics = {"size": once, "stride": stride, "storage_offset": offset}
        steps = ((views._as_strided.op, statics, ()),)
        if once != size:
            steps += ((views._expand.op, {"size": size}, ()),)
    return seen_through(home, steps)


def seen_through(home: Storage, steps: tuple) -> Tensor:
    """A tensor that reads, and writes, through a chain of views of a storage."""
    t = wrap(home.read(steps))
    t._base, t._steps, t._seen = home, steps, home._moves
    return t


def _load_from_bytes(saved: bytes) -> TypedStorage | UntypedStorage:
    """A storage in a plain pickle that PyTorch wrote: the bytes are what torch.save made of it."""
    from jaxtorch.serialization import load

    return load(io.BytesIO(saved), weights_only=False)
