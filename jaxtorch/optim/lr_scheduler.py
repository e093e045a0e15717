"""torch.optim.lr_scheduler: learning rate schedules that step an optimizer's groups."""

from jaxtorch.optim.lr_base import LRScheduler
from jaxtorch.optim.lr_composite import ChainedScheduler, SequentialLR
from jaxtorch.optim.lr_cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from jaxtorch.optim.lr_cycle import CyclicLR, OneCycleLR
from jaxtorch.optim.lr_factor import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from jaxtorch.optim.lr_plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


class _LRScheduler(LRScheduler):
    """The name of LRScheduler before PyTorch 2.0, which schedules are still derived from."""
