"""The seven workloads: a model, a batch, an optimizer, and the same by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import by_hand
import models
import numpy as np
import optax


@dataclass(frozen=True)
class Workload:
    name: str
    model: Callable[[Any], Any]
    """From the torch that it is to be made with."""
    inputs: tuple[int, ...]
    """Shape of one batch, the examples first."""
    classes: int
    optimizer: str
    settings: dict[str, float]
    by_hand: Callable
    """(params, stats, inputs, labels) to (loss, stats)."""
    tokens: bool = False
    """Whether the inputs are whole numbers, and there is a label for each of them."""

    def batch(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and labels, the same on each call."""
        numbers = np.random.RandomState(0)
        if self.tokens:
            text = numbers.randint(0, self.classes, (self.inputs[0], self.inputs[1] + 1))
            return text[:, :-1].copy(), text[:, 1:].copy()
        inputs = numbers.randn(*self.inputs).astype(np.float32)
        return inputs, numbers.randint(0, self.classes, self.inputs[:1])

    def torch_optimizer(self, torch, model):
        return getattr(torch.optim, self.optimizer)(model.parameters(), **self.settings)

    def optax_optimizer(self) -> optax.GradientTransformation:
        rate = self.settings["lr"]
        match self.optimizer:
            case "SGD":
                return optax.sgd(rate, momentum=self.settings["momentum"])
            case "Adam":
                return optax.adam(rate)
            case "AdamW":
                return optax.adamw(rate, weight_decay=0.01)
            case other:
                raise ValueError(f"no optax twin is named for {other!r}")


SGD = {"lr": 0.01, "momentum": 0.9}
ADAM = {"lr": 1e-3}

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "MLP 16-32-32-4",
            lambda torch: models.mlp(torch, 16, 32, 32, 4),
            (32, 16),
            4,
            "Adam",
            ADAM,
            by_hand.mlp,
        ),
        Workload("LeNet", models.lenet, (64, 1, 28, 28), 10, "SGD", SGD, by_hand.lenet),
        Workload(
            "MLP 784-512-512-10",
            lambda torch: models.mlp(torch, 784, 512, 512, 10),
            (128, 784),
            10,
            "Adam",
            ADAM,
            by_hand.mlp,
        ),
        Workload(
            "GPT 4x128",
            lambda torch: models.gpt(torch, 4, 128),
            (16, 64),
            65,
            "AdamW",
            ADAM,
            by_hand.gpt,
            tokens=True,
        ),
        Workload(
            "GPT 12x64",
            lambda torch: models.gpt(torch, 12, 64),
            (4, 64),
            65,
            "AdamW",
            ADAM,
            by_hand.gpt,
            tokens=True,
        ),
        Workload(
            "LSTM 128",
            lambda torch: models.lstm(torch, 128),
            (32, 32),
            65,
            "Adam",
            ADAM,
            by_hand.lstm,
            tokens=True,
        ),
        Workload("ResNet-18", models.resnet18, (8, 3, 32, 32), 10, "SGD", SGD, by_hand.resnet18),
    )
}
