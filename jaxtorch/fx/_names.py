"""Names: of the values in generated code, and torch's of the functions that are called there."""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
import keyword
import math
import re
import types
from typing import Any

from jaxtorch.serialization.names import torch_home

__all__ = [
    "BUILTINS", "Namespace", "found", "is_torchs", "qualified_name", "snake_case", "type_repr",
]  # fmt: skip


def snake_case(name: str) -> str:
    """``BatchNorm`` as ``batch_norm``; capitals that follow no small letter stay together."""
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


# What every generated function may name, and the line that brings it into a file.
BUILTINS: dict[str, tuple[str, Any]] = {
    "inf": ("from math import inf", math.inf),
    "nan": ("from math import nan", math.nan),
    "NoneType": ("NoneType = type(None)", type(None)),
    "torch": ("import torch", importlib.import_module("jaxtorch")),
    "device": ("from torch import device", importlib.import_module("jaxtorch.devices").device),
    "fx_pytree": (
        "import torch.fx._pytree as fx_pytree",
        importlib.import_module("jaxtorch.fx._pytree"),
    ),
    "pytree": (
        "import torch.utils._pytree as pytree",
        importlib.import_module("jaxtorch.utils._pytree"),
    ),
}
_TAKEN: dict[str, Any] = {
    **{name: object() for name in keyword.kwlist},
    **vars(builtins),
    **{name: value for name, (_, value) in BUILTINS.items()},
}
_NAME = re.compile(r"^([a-zA-Z_][0-9a-zA-Z_]*?)(?:_(\d+))?$")


class Namespace:
    """Names for objects: each has one, no two share one, and none hides a builtin."""

    def __init__(self):
        self._of: dict[Any, str] = {}
        self._used: set[str] = set()
        self._counts: dict[str, int] = {}

    def create_name(self, candidate: str, obj: Any = None) -> str:
        """The name of ``obj``; one that is new is made of ``candidate``, with a number if it is
        taken."""
        if obj is not None and obj in self._of:
            return self._of[obj]
        match = _NAME.match(candidate)
        if match is None:
            candidate = re.sub("[^0-9a-zA-Z_]+", "_", candidate) or "_unnamed"
            if candidate[0].isdigit():
                candidate = f"_{candidate}"
            match = _NAME.match(candidate)
        base, digits = match.groups()  # type: ignore[union-attr]
        if digits is None or candidate in self._used:
            number = self._counts.get(base, 0)
            if _TAKEN.get(candidate, obj) is not obj:
                number += 1
                candidate = f"{base}_{number}"
        else:
            number = int(digits)
        while candidate in self._used:
            number += 1
            candidate = f"{base}_{number}"
        self._used.add(candidate)
        self._counts[base] = number
        if obj is not None:
            self._of[obj] = candidate
        return candidate

    def associate_name_with_obj(self, name: str, obj: Any) -> None:
        """Say that ``obj`` has this name."""
        if self._of.setdefault(obj, name) != name:
            raise AssertionError(f"{obj!r} has a name already: {self._of[obj]}")

    def rename(self, obj: Any, name: str) -> None:
        self._of[obj] = name
        self._used.add(name)


# -- torch's names --------------------------------------------------------------------------------

_IN_C = {"torch.linalg": "linalg", "torch.fft": "fft", "torch.special": "special"}
_TORCH_TOO = ("nn.functional", "linalg", "fft", "special", "functional")
# Of nn.functional, what PyTorch binds from C++ and has in torch as well, or only there.
ALSO_IN_TORCH = frozenset(
    "adaptive_avg_pool1d avg_pool1d bilinear celu_ channel_shuffle conv1d conv2d conv3d conv_tbc "
    "conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity hardshrink "
    "native_channel_shuffle pairwise_distance pdist pixel_shuffle pixel_unshuffle prelu relu_ "
    "rrelu_ selu_ threshold_".split()
)
ONLY_IN_NN = frozenset(
    "avg_pool2d avg_pool3d elu_ gelu hardtanh_ leaky_relu_ linear logsigmoid one_hot "
    "scaled_dot_product_attention softplus softshrink".split()
)
_PYTHON_IN_TORCH = frozenset(
    "atleast_1d atleast_2d atleast_3d block_diag broadcast_shapes broadcast_tensors cartesian_prod "
    "cdist chain_matmul einsum lu meshgrid norm split stft tensordot unique unique_consecutive "
    "unravel_index".split()
)


@functools.cache
def _torchs_functions() -> dict[int, tuple[str, Any]]:
    """The functions that PyTorch has in its windows, by identity: (their full name, themselves)."""
    named: dict[int, tuple[str, Any]] = {}
    for window in ("", *_TORCH_TOO[:-1]):
        module = importlib.import_module(f"jaxtorch.{window}" if window else "jaxtorch")
        for name, value in vars(module).items():
            ours = isinstance(value, types.FunctionType) and not name.startswith("_")
            ours = ours and name != "unfold_patches"  # it is nn.functional.unfold
            if not ours or not value.__module__.startswith(("jaxtorch.", "torch.")):
                continue
            home = f"torch.{window}" if window else "torch"
            if home in _IN_C:
                home, name = f"torch._C._{_IN_C[home]}", f"{_IN_C[home]}_{name}"
            elif window:
                if name in ALSO_IN_TORCH:
                    continue
                if name in ONLY_IN_NN:
                    home, name = "torch._C._nn", {"logsigmoid": "log_sigmoid"}.get(name, name)
            elif name in _PYTHON_IN_TORCH:
                home = "torch.functional"
            named.setdefault(id(value), (f"{home}.{name}", value))
    return named


def torchs_name(func) -> str | None:
    """PyTorch's full name of a function of its windows; None for another's."""
    known = _torchs_functions().get(id(func))
    return known[0] if known is not None else None


def found(name: str) -> Any:
    """What ``torch.a.b`` is here; None if there is no such thing."""
    where: Any = BUILTINS["torch"][1]
    for part in name.split(".")[1:]:
        where = getattr(where, part, None)
        if where is None:
            return None
    return where


def module_of(obj) -> str | None:
    """The module in which PyTorch has what is ours; the module of what is another's."""
    module = getattr(obj, "__module__", None)
    if not isinstance(module, str):
        return None
    return torch_home(module, getattr(obj, "__name__", ""))


def is_torchs(obj) -> bool:
    """Is it to be had in generated code by its torch name?"""
    known = torchs_name(obj)
    if known is not None:
        return True
    module = module_of(obj)
    if module is None or not (module == "torch" or module.startswith("torch.")):
        return False
    return found(f"{module}.{getattr(obj, '__name__', '')}") is obj


def qualified_name(func) -> str:
    """The name by which generated code calls ``func``."""
    known = torchs_name(func)
    if known is not None:
        return known
    name = func.__name__
    if getattr(builtins, name, None) is func:
        return name
    tensor = BUILTINS["torch"][1].Tensor
    if getattr(tensor, name, None) is func:
        return f"torch.Tensor.{name}"
    if name == "<lambda>":
        try:
            name = inspect.getsource(func).split("=")[0].strip()
        except OSError as error:
            raise RuntimeError("a lambda whose source is not to be had has no name") from error
    module = module_of(func)
    if module is None:
        raise RuntimeError(f"cannot find module for {func}")
    return f"{module}.{name}"


def type_repr(obj) -> str:
    """A type as it is written in code, by PyTorch's name for it."""
    if isinstance(obj, type) and not isinstance(obj, types.GenericAlias):
        if obj.__module__ == "builtins":
            return obj.__qualname__
        return f"{torch_home(obj.__module__, obj.__qualname__)}.{obj.__qualname__}"
    if obj is ...:
        return "..."
    if isinstance(obj, types.FunctionType):
        return obj.__name__
    return repr(obj)
