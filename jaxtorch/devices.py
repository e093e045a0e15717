"""torch's names for devices, and the JAX devices they stand for.

Nothing here starts a JAX backend before somebody asks what there is.
"""

from __future__ import annotations

import functools
import sys
import threading

__all__ = ["device", "get_default_device", "set_default_device", "jax_device", "from_jax"]

# PyTorch's device types and the JAX platform of each (None: JAX has no such backend).
_PLATFORMS = {
    "cpu": "cpu", "cuda": "gpu", "tpu": "tpu", "mps": "METAL", "ipu": None, "xpu": None,
    "mkldnn": None, "opengl": None, "opencl": None, "ideep": None, "hip": None, "ve": None,
    "fpga": None, "maia": None, "xla": None, "lazy": None, "vulkan": None, "meta": None,
    "hpu": None, "mtia": None, "privateuseone": None,
}  # fmt: skip
_TYPES = {"cpu": "cpu", "gpu": "cuda", "cuda": "cuda", "rocm": "cuda", "tpu": "tpu", "METAL": "mps"}


class device:
    """A device by name: ``device("cpu")``, ``device("cuda:1")``, ``device("cuda", 1)``.

    One object each, so equal devices are identical. As a context manager it is where tensors are
    made that are not told otherwise.
    """

    __module__ = "jaxtorch"
    __slots__ = ("type", "index", "__weakref__")
    type: str
    index: int | None
    _known: dict = {}

    def __new__(cls, type: str | int | device, index: int | None = None) -> device:
        if index is None:
            if isinstance(type, device):
                return type
            if isinstance(type, str) and (type, None) in cls._known:
                return cls._known[type, None]
        return cls._parse(type, index)

    @classmethod
    def _parse(cls, type, index) -> device:
        if isinstance(type, int) and not isinstance(type, bool) and index is None:
            if type < 0:
                raise RuntimeError("Device index must not be negative")
            return cls(_accelerator_type(), type)
        if not isinstance(type, str):
            raise TypeError(
                "device() received an invalid combination of arguments - got "
                f"({type.__class__.__name__}), but expected one of:\n * (torch.device device)\n"
                " * (str type, int index = -1)\n"
            )
        if index is not None:
            if not isinstance(index, int) or isinstance(index, bool):
                raise TypeError(
                    "device(): argument 'index' (position 2) must be int, not "
                    f"{index.__class__.__name__}"
                )
            if ":" in type:
                raise RuntimeError(
                    "type (string) must not include an index because index was passed explicitly: "
                    f"{type}"
                )
            if index < 0:
                raise RuntimeError("Device index must not be negative")
        if not type:
            raise RuntimeError("Device string must not be empty")
        name, colon, digits = type.partition(":")
        if not name.isidentifier() or (colon and not _is_index(digits)):
            raise RuntimeError(f"Invalid device string: '{type}'")
        if name not in _PLATFORMS:
            raise RuntimeError(
                f"Expected one of {', '.join(_PLATFORMS)} device type at start of device string: "
                f"{name}"
            )
        if colon:
            index = int(digits)
        self = cls._known.get((name, index))
        if self is None:
            self = object.__new__(cls)
            object.__setattr__(self, "type", name)
            object.__setattr__(self, "index", index)
            self = cls._known.setdefault((name, index), self)
        if colon:
            cls._known[type, None] = self
        return self

    def __setattr__(self, name, value):
        raise AttributeError(f"attribute '{name}' of 'torch.device' objects is not writable")

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self):
        return (device, (self.type, self.index))

    def __enter__(self):
        _default.stack.append(self)
        return self

    def __exit__(self, *exc_info):
        _default.stack.pop()

    def __call__(self, function):
        """As a decorator: the function runs in a ``with`` block of this device."""

        @functools.wraps(function)
        def run(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return run


def _is_index(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0")


class _Default(threading.local):
    """Each thread's default device, and its ``with`` blocks' above it."""

    def __init__(self):
        self.base = device("cpu")
        self.stack = []
        self.current = 0  # which accelerator "cuda" means


_default = _Default()


def get_default_device() -> device:
    """Where a tensor is made when nothing says otherwise."""
    chosen = _default.stack[-1] if _default.stack else _default.base
    if chosen.index is None and chosen.type not in ("cpu", "meta"):
        return device(chosen.type, _default.current)
    return chosen


_device = device  # by a name that no parameter hides


def set_default_device(device) -> None:
    """Make tensors on ``device`` from now on, in this thread; None is the cpu again."""
    _default.base = _device("cpu" if device is None else device)


def current_index() -> int:
    """Which accelerator a name without a number, as ``"cuda"``, means in this thread."""
    return _default.current


def set_current_index(index: int) -> None:
    _default.current = index


def started() -> bool:
    """Whether JAX has started its backends, as the first use of a device makes it."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    return bridge is not None and bridge.backends_are_initialized()


def jax_device(where: device):
    """The JAX device that ``where`` names; RuntimeError where this process has none such."""
    found = _jax_devices.get(where)
    if found is None:
        found = _find(where)
        if where.index is not None or where.type == "cpu":
            _jax_devices[where] = found
    return found


_jax_devices: dict = {}
_from_jax: dict = {}


def platform_devices(type: str) -> list:
    """The JAX devices of a torch device type: an empty list where there are none."""
    import jax

    platform = _PLATFORMS[type]
    try:
        return jax.local_devices(backend=platform) if platform else []
    except RuntimeError:  # JAX's way of saying that a platform is absent
        return []


def _find(where: device):
    there = platform_devices(where.type)
    if not there:
        raise RuntimeError(_absent(where))
    index = _default.current if where.index is None and where.type != "cpu" else where.index or 0
    if where.type == "cpu" and index >= len(there):
        return there[0]  # as in PyTorch, for which every cpu:n is the cpu
    if index >= len(there):
        raise RuntimeError(
            f"invalid device ordinal: {where} was asked for, and JAX sees {len(there)} "
            f"{where.type} device{'s' * (len(there) > 1)}"
        )
    return there[index]


def _absent(where: device) -> str:
    if where.type == "cuda":
        return (
            "No CUDA GPUs are available: JAX sees none in this process. Guard with "
            'torch.cuda.is_available(), or install JAX for GPUs: pip install "jaxtorch[cuda]"'
        )
    if _PLATFORMS[where.type] is None:
        return f"jaxtorch has no '{where.type}' device; it has cpu, cuda, tpu and mps"
    return f"No {where.type} device is available: JAX sees none in this process"


def from_jax(jax_device) -> device:
    """The name of a JAX device."""
    try:
        return _from_jax[jax_device]
    except KeyError:
        type: str = _TYPES.get(jax_device.platform) or jax_device.platform
        index = jax_device.local_hardware_id if type != "cpu" else jax_device.id or None
        found = _from_jax[jax_device] = device(type, index)
        return found


def _accelerator_type() -> str:
    for type in ("cuda", "tpu", "mps"):
        if platform_devices(type):
            return type
    raise RuntimeError("Cannot access accelerator device when none is available.")
