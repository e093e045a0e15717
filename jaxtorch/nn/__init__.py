"""torch.nn: layers, losses, containers, and what initializes, clips and counts them."""

from jaxtorch import left_out
from jaxtorch.nn import (
    attention as attention,
    common_types as common_types,
    functional as functional,
    grad as grad,
    init as init,
    modules as modules,
    parameter as parameter,
    utils as utils,
)
from jaxtorch.nn.modules import *  # noqa: F403
from jaxtorch.nn.modules import __all__ as _layers
from jaxtorch.nn.parallel import DataParallel as DataParallel
from jaxtorch.nn.parameter import (
    Buffer as Buffer,
    Parameter as Parameter,
    UninitializedBuffer as UninitializedBuffer,
    UninitializedParameter as UninitializedParameter,
)


def factory_kwargs(kwargs: dict | None) -> dict:
    """What of a layer's keywords is for making tensors: ``device``, ``dtype``,
    ``memory_format``; they may stand in ``kwargs["factory_kwargs"]`` too, though not in both."""
    if kwargs is None:
        return {}
    simple = ("device", "dtype", "memory_format")
    unknown = kwargs.keys() - {*simple, "factory_kwargs"}
    if unknown:
        raise TypeError(f"unexpected kwargs {unknown}")
    made = dict(kwargs.get("factory_kwargs", {}))
    for key in simple:
        if key in kwargs:
            if key in made:
                raise TypeError(f"{key} specified twice, in **kwargs and in factory_kwargs")
            made[key] = kwargs[key]
    return made


__all__ = [
    "Buffer", "DataParallel", "Parameter", "UninitializedBuffer", "UninitializedParameter",
    "attention", "common_types", "factory_kwargs", "functional", "grad", "init", "modules",
    "parameter", "utils", *_layers,
]  # fmt: skip

__getattr__ = left_out.attributes_of(__name__)
