"""PyTorch's optimizers as plain optax transformations, for any pytree of arrays.

    tx = transforms.sgd(lr=0.1, momentum=0.9)
    state = tx.init(params)
    updates, state = tx.update(grads, state, params)
    params = optax.apply_updates(params, updates)

Their numbers may be Python floats or traced scalars, so `optax.inject_hyperparams(transforms.adam)`
and a schedule's value work. A zero that is a Python number leaves its term out.
"""

from jaxtorch.optim.adadelta import adadelta
from jaxtorch.optim.adafactor import adafactor
from jaxtorch.optim.adagrad import adagrad
from jaxtorch.optim.adam import adam
from jaxtorch.optim.adamax import adamax
from jaxtorch.optim.adamw import adamw
from jaxtorch.optim.asgd import asgd
from jaxtorch.optim.muon import muon
from jaxtorch.optim.nadam import nadam
from jaxtorch.optim.radam import radam
from jaxtorch.optim.rmsprop import rmsprop
from jaxtorch.optim.rprop import rprop
from jaxtorch.optim.sgd import sgd
from jaxtorch.optim.sparse_adam import sparse_adam

__all__ = [
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "asgd",
    "muon",
    "nadam",
    "radam",
    "rmsprop",
    "rprop",
    "sgd",
    "sparse_adam",
]
