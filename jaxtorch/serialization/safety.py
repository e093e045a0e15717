"""What a checkpoint may name and call: the list that ``weights_only=True`` goes by."""

from __future__ import annotations

import functools
from collections import Counter, OrderedDict
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

from jaxtorch import _utils, devices, dtypes, storage
from jaxtorch.serialization.names import torch_home
from jaxtorch.size import Size
from jaxtorch.tensor import Tensor

__all__ = [
    "add_safe_globals", "clear_safe_globals", "get_safe_globals", "safe_globals",
]  # fmt: skip

BLOCKED = frozenset({"sys", "os", "posix", "nt"})  # whoever may have allowed something in them
_NESTING = 100  # of tuples that are hashed: Python's hash goes as deep on the C stack
_allowed_by_user: set[Any] = set()


def add_safe_globals(safe_globals: list[Callable | tuple[Callable, str]]) -> None:
    """Let ``load(weights_only=True)`` meet these classes and functions: each by itself, or with
    the full path that the file has for it."""
    global _allowed_by_user
    _allowed_by_user = _allowed_by_user | set(safe_globals)


def get_safe_globals() -> list[Callable | tuple[Callable, str]]:
    """What ``add_safe_globals`` has added."""
    return list(_allowed_by_user)


def clear_safe_globals() -> None:
    """Forget what ``add_safe_globals`` has added."""
    global _allowed_by_user
    _allowed_by_user = set()


class safe_globals:
    """``add_safe_globals`` for a block."""

    def __init__(self, safe_globals: list[Callable | tuple[Callable, str]]):
        self.safe_globals = safe_globals

    def __enter__(self) -> None:
        add_safe_globals(self.safe_globals)

    def __exit__(self, *exc_info) -> None:
        global _allowed_by_user
        _allowed_by_user = _allowed_by_user - set(self.safe_globals)


def allowed_by_user() -> dict[str, Any]:
    found = {}
    for item in _allowed_by_user:
        if isinstance(item, tuple):
            if len(item) != 2:
                raise ValueError(
                    "Expected tuple of length 2 (global, str of callable full path), but got tuple "
                    f"of length: {len(item)}"
                )
            if type(item[1]) is not str:
                raise TypeError(
                    "Expected second item in tuple to be str of callable full path, but got: "
                    f"{type(item[1])}"
                )
            found[item[1]] = item[0]
        else:
            home = torch_home(item.__module__, item.__qualname__)
            found[f"{home}.{item.__qualname__}"] = item
    return found


class StorageType:
    """What a file means by ``torch.FloatStorage``: the dtype of a storage's elements."""

    def __init__(self, name: str):
        self._dtype = _DTYPES[name]

    @property
    def dtype(self) -> dtypes.dtype:
        return self._dtype

    def __str__(self) -> str:
        return f"StorageType(dtype={self.dtype})"


def storage_dtype(kind) -> dtypes.dtype:
    """The dtype of the elements of a storage whose class a file names."""
    if kind is storage.UntypedStorage:
        return dtypes.uint8
    if not isinstance(kind, StorageType):
        raise UnpicklingError(f"{kind!r} is no class of storages")
    return kind.dtype


_DTYPES = {name: d for d, name in storage.CLASS_NAMES.items()}


@functools.cache
def names() -> dict[str, Any]:
    """From the full path in a file to what it stands for: torch's own list, so far as it is
    here."""
    from jaxtorch.nn.parameter import Parameter

    kinds = {
        "collections.OrderedDict": OrderedDict,
        "collections.Counter": Counter,
        "torch.nn.parameter.Parameter": Parameter,
        "torch.Size": Size,
        "torch.Tensor": Tensor,
        "torch.device": devices.device,
        "_codecs.encode": _encode,
        "builtins.bytearray": bytearray,
        "builtins.set": set,
        "builtins.complex": complex,
        "torch.storage.UntypedStorage": storage.UntypedStorage,
        "torch.UntypedStorage": storage.UntypedStorage,
        "torch.storage.TypedStorage": storage.TypedStorage,
        "torch._tensor._rebuild_from_type_v2": _utils._rebuild_from_type_v2,
        "torch.serialization._get_layout": _utils._get_layout,
    }
    kinds |= {f"torch.{name}": StorageType(name) for name in _DTYPES}
    kinds |= {f"torch.{name}": d for name, d in dtypes.ALL.items()}
    kinds |= {f"torch._utils.{f.__name__}": f for f in _REBUILDS}
    return kinds


_REBUILDS = (
    _utils._rebuild_tensor, _utils._rebuild_tensor_v2, _utils._rebuild_tensor_v3,
    _utils._rebuild_parameter, _utils._rebuild_parameter_with_state,
    _utils._rebuild_device_tensor_from_cpu_tensor, _utils._rebuild_meta_tensor_no_storage,
    _utils._rebuild_sparse_tensor,
)  # fmt: skip


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """``_codecs.encode`` as pickles of bytes call it."""
    if type(text) is not str or encoding != "latin1":
        raise UnpicklingError(f"_codecs.encode(..., {encoding!r}) is no way to write bytes")
    return text.encode("latin1")


def _bytearray(data: Any = b"", encoding: str = "latin1") -> bytearray:
    if type(data) is str:  # an int would be a size
        return bytearray(_encode(data, encoding))
    if type(data) not in (bytes, bytearray, list):
        raise UnpicklingError(f"bytearray() of {type(data)}")
    return bytearray(data)


def check_hashable(items) -> None:
    """Refuse tuples nested so deep that hashing them would overflow the stack."""
    level = [item for item in items if type(item) is tuple]
    for _ in range(_NESTING):
        if not level:
            return
        seen = {id(inner): inner for item in level for inner in item if type(inner) is tuple}
        level = list(seen.values())
    raise UnpicklingError(f"a key is a tuple nested more than {_NESTING} deep")


def _set(items=()) -> set:
    if type(items) not in (list, tuple):
        raise UnpicklingError(f"set() of {type(items)}")
    check_hashable(items)
    return set(items)


def _mapping(kind: type) -> Callable:
    def make(items=()):
        if type(items) not in (list, tuple, dict, OrderedDict):
            raise UnpicklingError(f"{kind.__name__}() of {type(items)}")
        if type(items) in (list, tuple):
            check_hashable(items if kind is Counter else [pair[0] for pair in items])
        return kind(items)

    return make


def _parameter(data=None, requires_grad=True):
    from jaxtorch.nn.parameter import Parameter

    if data is None:
        return Parameter(data, requires_grad)
    return _utils._rebuild_parameter(data, requires_grad)


def _from_type(func, new_type, args, state):
    if func not in _REBUILDS:
        raise UnpicklingError(f"_rebuild_from_type_v2 of {func}")
    if not (isinstance(new_type, type) and issubclass(new_type, Tensor)):
        raise UnpicklingError(f"_rebuild_from_type_v2 to {new_type}")
    return _utils._rebuild_from_type_v2(func, new_type, args, state)


def _complex(real=0.0, imag=0.0):
    return complex(float(real), float(imag))


@functools.cache
def callables() -> dict[Any, Callable]:
    """Those of ``names()`` that may be called, and what is called in their place: with arguments
    of any size or type, some would take all the memory."""
    from jaxtorch.nn.parameter import Parameter

    calls: dict[Any, Callable] = {f: f for f in _REBUILDS}
    calls |= {
        OrderedDict: _mapping(OrderedDict),
        Counter: _mapping(Counter),
        Parameter: _parameter,
        Size: Size,
        devices.device: devices.device,
        _encode: _encode,
        bytearray: _bytearray,
        set: _set,
        complex: _complex,
        _utils._rebuild_from_type_v2: _from_type,
        _utils._get_layout: _utils._get_layout,
    }
    return calls
