"""torch.nn: layers, losses, containers, and what initializes, clips and counts them."""

from jaxtorch.nn import functional as functional
from jaxtorch.nn import init as init
from jaxtorch.nn import modules as modules
from jaxtorch.nn import parameter as parameter
from jaxtorch.nn import utils as utils
from jaxtorch.nn.modules import *  # noqa: F403
from jaxtorch.nn.modules import __all__ as _layers
from jaxtorch.nn.parameter import Buffer as Buffer
from jaxtorch.nn.parameter import Parameter as Parameter
from jaxtorch.nn.parameter import UninitializedBuffer as UninitializedBuffer
from jaxtorch.nn.parameter import UninitializedParameter as UninitializedParameter

__all__ = [
    "Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "functional", "init",
    "modules", "parameter", "utils", *_layers,
]  # fmt: skip
