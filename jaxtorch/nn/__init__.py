"""torch.nn: layers, losses, containers, and what initializes, clips and counts them."""

from jaxtorch import left_out
from jaxtorch.nn import (
    attention as attention,
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

__all__ = [
    "Buffer", "DataParallel", "Parameter", "UninitializedBuffer", "UninitializedParameter",
    "attention", "functional", "grad", "init", "modules", "parameter", "utils", *_layers,
]  # fmt: skip

__getattr__ = left_out.attributes_of(__name__)
