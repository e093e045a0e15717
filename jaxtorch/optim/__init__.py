"""torch.optim: optimizers with PyTorch's shape, each over an optax.GradientTransformation."""

from jaxtorch.optim import lr_scheduler, optimizer, transforms
from jaxtorch.optim.adadelta import Adadelta
from jaxtorch.optim.adafactor import Adafactor
from jaxtorch.optim.adagrad import Adagrad
from jaxtorch.optim.adam import Adam
from jaxtorch.optim.adamax import Adamax
from jaxtorch.optim.adamw import AdamW
from jaxtorch.optim.asgd import ASGD
from jaxtorch.optim.from_optax import OptaxOptimizer, from_optax
from jaxtorch.optim.lbfgs import LBFGS
from jaxtorch.optim.muon import Muon
from jaxtorch.optim.nadam import NAdam
from jaxtorch.optim.optimizer import Optimizer
from jaxtorch.optim.radam import RAdam
from jaxtorch.optim.rmsprop import RMSprop
from jaxtorch.optim.rprop import Rprop
from jaxtorch.optim.sgd import SGD

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
    "OptaxOptimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "from_optax",
    "lr_scheduler",
    "optimizer",
    "transforms",
]
