"""An optax schedule as a learning rate scheduler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from jaxtorch.optim.lr_base import LRScheduler, per_group
from jaxtorch.optim.optimizer import Optimizer

__all__ = ["OptaxLR"]


class OptaxLR(LRScheduler):
    """Set the learning rate to `schedule(epoch)`, for any optimizer; a list has one a group.

        scheduler = OptaxLR(optimizer, optax.cosine_decay_schedule(1e-3, decay_steps=100))

    A schedule says the rate itself, so that the groups' own rates count for nothing. It is computed
    on the host: asking it waits for nothing that a device still has to do.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: Callable[[int], Any] | list[Callable[[int], Any]],
        last_epoch: int = -1,
    ):
        self.schedules = per_group("schedule", optimizer, schedule)
        super().__init__(optimizer, last_epoch)

    def _lrs(self) -> list:
        with jax.default_device(jax.local_devices(backend="cpu")[0]):
            return [float(schedule(self.last_epoch)) for schedule in self.schedules]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and the schedules, which are functions."""
        state = super().state_dict()
        del state["schedules"]
        return state
