"""An unpickler that runs nothing: the machine behind ``load(weights_only=True)``.

It knows the opcodes that ``torch.save`` writes (pickle protocol 2) and no others, asks the list in
``safety`` for every name, and calls only what is on it. It is a loop over a stack, so that no depth
of nesting can exhaust Python's own.
"""

from __future__ import annotations

import _compat_pickle
import pickle
import struct
import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

from jaxtorch.serialization import safety
from jaxtorch.tensor import Tensor

__all__ = ["Machine", "Scan"]

_HANDLERS: dict[int, Callable] = {}
_PIECE = 1 << 20
_DAMAGE = (
    IndexError, KeyError, TypeError, AttributeError, ValueError, OverflowError, struct.error,
)  # fmt: skip


def _opcode(*codes: bytes):
    def register(handler):
        _HANDLERS.update({code[0]: handler for code in codes})
        return handler

    return register


class Machine:
    """Reads one pickle from a file that has ``read`` and ``readline``.

    ``UnpicklingError`` for what is not allowed, and for what is no pickle at all.
    """

    def __init__(self, file, persistent_load: Callable, encoding: str = "utf-8"):
        self.file = file
        self.persistent_load = persistent_load
        self.encoding = encoding
        self.allowed = safety.allowed_by_user()

    def load(self) -> Any:
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        try:
            while True:
                code = self.take(1)[0]
                if code == pickle.STOP[0]:
                    return self.stack.pop()
                handler = _HANDLERS.get(code)
                if handler is None:
                    raise UnpicklingError(f"Unsupported operand {code}")
                handler(self)
        except _DAMAGE as error:
            raise UnpicklingError(
                f"the pickle is damaged, or not what torch.save writes "
                f"({type(error).__name__}: {error})"
            ) from error

    # -- the input ----------------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        data = self.file.read(min(count, _PIECE))
        while len(data) < count:  # a length may be a lie: no more is asked for than there may be
            piece = self.file.read(min(count - len(data), _PIECE))
            if not piece:
                raise EOFError("Ran out of input")
            data += piece
        return data

    def unpack(self, form: str) -> int:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        text = self.file.readline()
        if not text.endswith(b"\n"):
            raise EOFError("Ran out of input")
        return text[:-1].decode("utf-8")

    def to_mark(self) -> list:
        items, self.stack = self.stack, self.marks.pop()
        return items

    # -- what a pickle can have done ----------------------------------------------------------

    def find(self, module: str, name: str) -> Any:
        path = f"{module}.{name}"
        if module in safety.BLOCKED:
            raise UnpicklingError(
                f"Trying to load unsupported GLOBAL {path} whose module {module} is blocked."
            )
        for table in (safety.names(), self.allowed):
            if path in table:
                return table[path]
        path = path.removeprefix("builtins.")
        raise UnpicklingError(
            f"Unsupported global: GLOBAL {path} was not an allowed global by default. Please use "
            f"`torch.serialization.add_safe_globals([{path}])` or the "
            f"`torch.serialization.safe_globals([{path}])` context manager to allowlist this "
            "global if you trust this class/function."
        )

    def is_allowed(self, obj: Any) -> bool:
        return any(obj is other for other in self.allowed.values())

    def call(self, function: Any, args: tuple) -> Any:
        if self.is_allowed(function):
            return function(*args)
        try:
            known = safety.callables()[function]
        except (KeyError, TypeError):
            raise UnpicklingError(
                f"Trying to call reduce for unrecognized function {function}"
            ) from None
        return known(*args)

    def new(self, kind: Any, args: tuple) -> Any:
        if self.is_allowed(kind):
            return kind.__new__(kind, *args)
        if isinstance(kind, type) and kind in safety.callables():
            return self.call(kind, args)
        raise UnpicklingError(
            "Can only create new object for nn.Parameter or classes allowlisted via "
            f"`add_safe_globals` but got {kind}"
        )

    def build(self, obj: Any, state: Any) -> None:
        kind = type(obj)
        if self.is_allowed(kind):
            _give_state(obj, state)
        elif kind is OrderedDict:
            obj.__dict__.update(state)
        elif isinstance(obj, Tensor):
            raise UnpicklingError(f"a {kind.__name__} in the form of PyTorch 0.1: load it with "
                                  "weights_only=False if you trust the file")  # fmt: skip
        else:
            raise UnpicklingError(
                "Can only build Tensor, Parameter, OrderedDict or types allowlisted via "
                f"`add_safe_globals`, but got {kind}"
            )

    def append(self, items: list) -> None:
        if type(self.stack[-1]) is not list:
            raise UnpicklingError(f"Can only append to lists, but got {type(self.stack[-1])}")
        self.stack[-1].extend(items)

    def set_items(self, items: list) -> None:
        target = self.stack[-1]
        if type(target) not in (dict, OrderedDict, Counter):
            raise UnpicklingError(
                "Can only SETITEM for dict, collections.OrderedDict, collections.Counter, but got "
                f"{type(target)}"
            )
        safety.check_hashable(items[::2])
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[key] = value

    def persistent(self, pid: Any) -> Any:
        if type(pid) is not tuple or not pid or pid[0] not in ("storage", b"storage"):
            raise UnpicklingError(f"Only persistent_load of storage is allowed, but got {pid!r}")
        return self.persistent_load(pid)


def _give_state(obj: Any, state: Any) -> None:
    if hasattr(obj, "__setstate__"):
        obj.__setstate__(state)
        return
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        obj.__dict__.update(state)
    for name, value in (slots or {}).items():
        setattr(obj, name, value)


class _Placeholder:
    """Stands for whatever a name or a call would have given."""

    def __init__(self, path: str = ""):
        self.path = path


class Scan(Machine):
    """Goes through a pickle without making anything: which names it has (``globals``), and which
    storages (``storages``)."""

    def __init__(self, file):
        super().__init__(file, lambda pid: None)
        self.globals: set[str] = set()
        self.storages: list[tuple] = []

    def find(self, module: str, name: str) -> Any:
        path = f"{module}.{name}"
        self.globals.add(path)
        return _Placeholder(path)

    def call(self, function, args):
        return _Placeholder()

    new = call

    def build(self, obj, state) -> None: ...

    def append(self, items) -> None: ...

    def set_items(self, items) -> None: ...

    def persistent(self, pid):
        self.storages.append(pid)
        return _Placeholder()


# -- the opcodes ------------------------------------------------------------------------------


@_opcode(pickle.PROTO)
def _proto(m: Machine) -> None:
    protocol = m.take(1)[0]
    if protocol != 2:
        warnings.warn(
            f"Detected pickle protocol {protocol} in the checkpoint, which was not the default "
            "pickle protocol used by `torch.load` (2). The weights_only Unpickler might not "
            "support all instructions implemented by this protocol",
            stacklevel=5,
        )


@_opcode(pickle.GLOBAL)
def _global(m: Machine) -> None:
    module, name = m.line(), m.line()
    if (module, name) in _compat_pickle.NAME_MAPPING:
        module, name = _compat_pickle.NAME_MAPPING[module, name]
    else:
        module = _compat_pickle.IMPORT_MAPPING.get(module, module)
    m.stack.append(m.find(module, name))


@_opcode(pickle.REDUCE)
def _reduce(m: Machine) -> None:
    args = m.stack.pop()
    m.stack[-1] = m.call(m.stack[-1], args)


@_opcode(pickle.NEWOBJ)
def _newobj(m: Machine) -> None:
    args = m.stack.pop()
    m.stack[-1] = m.new(m.stack[-1], args)


@_opcode(pickle.BUILD)
def _build(m: Machine) -> None:
    state = m.stack.pop()
    m.build(m.stack[-1], state)


@_opcode(pickle.APPEND)
def _append(m: Machine) -> None:
    item = m.stack.pop()
    m.append([item])


@_opcode(pickle.APPENDS)
def _appends(m: Machine) -> None:
    m.append(m.to_mark())


@_opcode(pickle.SETITEM)
def _setitem(m: Machine) -> None:
    value, key = m.stack.pop(), m.stack.pop()
    m.set_items([key, value])


@_opcode(pickle.SETITEMS)
def _setitems(m: Machine) -> None:
    m.set_items(m.to_mark())


@_opcode(pickle.MARK)
def _mark(m: Machine) -> None:
    m.marks.append(m.stack)
    m.stack = []


@_opcode(pickle.TUPLE)
def _tuple(m: Machine) -> None:
    items = tuple(m.to_mark())
    m.stack.append(items)


@_opcode(pickle.TUPLE1)
def _tuple1(m: Machine) -> None:
    m.stack[-1:] = [(m.stack[-1],)]


@_opcode(pickle.TUPLE2)
def _tuple2(m: Machine) -> None:
    m.stack[-2:] = [(m.stack[-2], m.stack[-1])]


@_opcode(pickle.TUPLE3)
def _tuple3(m: Machine) -> None:
    m.stack[-3:] = [(m.stack[-3], m.stack[-2], m.stack[-1])]


def _makes(code: bytes, make: Callable[[Machine], Any]) -> None:
    _HANDLERS[code[0]] = lambda m: m.stack.append(make(m))


_makes(pickle.NONE, lambda m: None)
_makes(pickle.NEWFALSE, lambda m: False)
_makes(pickle.NEWTRUE, lambda m: True)
_makes(pickle.EMPTY_TUPLE, lambda m: ())
_makes(pickle.EMPTY_LIST, lambda m: [])
_makes(pickle.EMPTY_DICT, lambda m: {})
_makes(pickle.EMPTY_SET, lambda m: set())
_makes(pickle.BININT, lambda m: m.unpack("<i"))
_makes(pickle.BININT1, lambda m: m.unpack("<B"))
_makes(pickle.BININT2, lambda m: m.unpack("<H"))
_makes(pickle.BINFLOAT, lambda m: m.unpack(">d"))
_makes(pickle.LONG1, lambda m: pickle.decode_long(m.take(m.unpack("<B"))))
_makes(pickle.BINUNICODE, lambda m: str(m.take(m.unpack("<I")), "utf-8", "surrogatepass"))
_makes(pickle.BINGET, lambda m: m.memo[m.unpack("<B")])
_makes(pickle.LONG_BINGET, lambda m: m.memo[m.unpack("<I")])
_makes(pickle.BINPERSID, lambda m: m.persistent(m.stack.pop()))


@_opcode(pickle.SHORT_BINSTRING)
def _short_binstring(m: Machine) -> None:
    data = m.take(m.unpack("<B"))
    m.stack.append(data if m.encoding == "bytes" else data.decode(m.encoding))


@_opcode(pickle.BINPUT)
def _binput(m: Machine) -> None:
    m.memo[m.unpack("<B")] = m.stack[-1]


@_opcode(pickle.LONG_BINPUT)
def _long_binput(m: Machine) -> None:
    m.memo[m.unpack("<I")] = m.stack[-1]
