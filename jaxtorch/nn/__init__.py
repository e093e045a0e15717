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

__all__ = ["Buffer", "Parameter", "functional", "init", "modules", "parameter", "utils", *_layers]
