"""Small programs that the engine's tests run, and how they count what the engine did."""

import contextlib

import jaxtorch as torch
import jaxtorch.nn as nn
from jaxtorch import engine

X = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [-2.0, 1.0, 0.5], [0.125, 3.0, -1.0]]


def data():
    return torch.tensor(X), torch.tensor([0, 1, 1, 0])


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def sgd(model, lr=0.1):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def values(model):
    return [p.detach().numpy().copy() for p in model.parameters()]


@contextlib.contextmanager
def forced(how):
    """Everything is evaluated one way: "interpret" or "compile"."""
    before, engine.Policy.force = engine.Policy.force, how
    try:
        yield
    finally:
        engine.Policy.force = before


class Counted:
    """What was compiled and evaluated since: ``compiled``, ``evaluations``."""

    def __enter__(self):
        self.before = engine.stats()
        return self

    def __exit__(self, *exc):
        after = engine.stats()
        for name, value in after.items():
            setattr(self, name, value - self.before[name])
