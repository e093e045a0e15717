"""torch.optim: optimizers with PyTorch's shape, each over an optax.GradientTransformation."""

from jaxtorch import left_out
from jaxtorch.optim import lr_scheduler, optimizer, swa_utils, transforms
from jaxtorch.optim.adadelta import Adadelta
from jaxtorch.optim.adafactor import Adafactor
from jaxtorch.optim.adagrad import Adagrad
from jaxtorch.optim.adam import Adam
from jaxtorch.optim.adamax import Adamax
from jaxtorch.optim.adamw import AdamW
from jaxtorch.optim.asgd import ASGD
from jaxtorch.optim.from_optax import OptaxOptimizer, from_optax
from jaxtorch.optim.lbfgs import LBFGS
from jaxtorch.optim.lr_optax import OptaxLR
from jaxtorch.optim.muon import Muon
from jaxtorch.optim.nadam import NAdam
from jaxtorch.optim.optimizer import Optimizer
from jaxtorch.optim.radam import RAdam
from jaxtorch.optim.rmsprop import RMSprop
from jaxtorch.optim.rprop import Rprop
from jaxtorch.optim.sgd import SGD
from jaxtorch.optim.sparse_adam import SparseAdam
from jaxtorch.optim.swapping import swap_in_optimizer_params_and_state

__all__ = [
    "ASGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LBFGS",
    "Muon",
    "NAdam",
    "Optimizer",
    "OptaxLR",
    "OptaxOptimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "SparseAdam",
    "from_optax",
    "lr_scheduler",
    "optimizer",
    "swap_in_optimizer_params_and_state",
    "swa_utils",
    "transforms",
]

__getattr__ = left_out.attributes_of(__name__)
