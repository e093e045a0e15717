"""The names that files have for things, and where those things are here: both ways."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["find", "normalize_storage_type", "torch_home"]

# Where PyTorch keeps what is kept elsewhere here: a module, or one name in a module.
_MODULES = {
    "jaxtorch.assertions": "torch",
    "jaxtorch.devices": "torch",
    "jaxtorch.dtypes": "torch",
    "jaxtorch.layouts": "torch",
    "jaxtorch.ops.profiler": "torch.ops.profiler",
    "jaxtorch.optim.adafactor": "torch.optim",
    "jaxtorch.optim.muon": "torch.optim",
    "jaxtorch.nn.modules.attention": "torch.nn.modules.activation",
    "jaxtorch.nn.modules.parameter_container": "torch.nn.modules.container",
}
_NAMES = {
    ("jaxtorch.random", "Generator"): "torch._C",
    ("jaxtorch.compiled", "OptimizedModule"): "torch._dynamo.eval_frame",
    ("jaxtorch._utils", "_rebuild_from_type_v2"): "torch._tensor",
    ("jaxtorch._utils", "_get_layout"): "torch.serialization",
}
_LAZY = {"BatchNorm": "batchnorm", "InstanceNorm": "instancenorm", "Conv": "conv"}


def torch_home(module: str, name: str) -> str:
    """The module in which PyTorch has ``module.name``; what is not jaxtorch's stays."""
    if module == "torch" or module.startswith("torch."):  # while torch is jaxtorch
        module = "jaxtorch" + module[len("torch") :]
    if module != "jaxtorch" and not module.startswith("jaxtorch."):
        return module
    known = _NAMES.get((module, name)) or _MODULES.get(module)
    if known is not None:
        return known
    if module.startswith("jaxtorch.ops."):
        return _window(name)
    if module.startswith("jaxtorch.optim.lr_"):
        return "torch.optim.lr_scheduler"
    if module == "jaxtorch.nn.modules.lazy":
        file = next((f for start, f in _LAZY.items() if name.startswith(f"Lazy{start}")), "linear")
        return f"torch.nn.modules.{file}"
    return "torch" + module[len("jaxtorch") :]


_WINDOWS = ("nn.functional", "linalg", "fft", "special")


def _window(name: str) -> str:
    """Where users know an op from; it is one function under all its names."""
    for window in _WINDOWS:
        if hasattr(importlib.import_module(f"jaxtorch.{window}"), name):
            return f"torch.{window}"
    return "torch"


def find(module: str, name: str) -> Any:
    """What PyTorch calls ``module.name``: in the module of that name here, or in the nearest
    package around it. AttributeError if it is not here."""
    inner = module.split(".")[1:]
    places = [".".join(["jaxtorch", *inner[:depth]]) for depth in range(len(inner), -1, -1)]
    if inner[:1] == ["_C"]:  # functions that PyTorch has in C++
        places += [f"jaxtorch.{window}" for window in _WINDOWS]
    for place in places:
        try:
            found: Any = importlib.import_module(place)
            for part in name.split("."):
                found = getattr(found, part)
            return found
        except (ModuleNotFoundError, AttributeError):
            continue
    raise AttributeError(f"jaxtorch has no {module}.{name}, which the file asks for")


def normalize_storage_type(storage_type: type) -> type:
    """``torch``'s class of storages of that name."""
    return find("torch", storage_type.__name__)
