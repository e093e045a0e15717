"""torch.optim.swa_utils: averages of a model's weights (arXiv:1803.05407), and their schedule."""

from __future__ import annotations

import copy
import itertools
import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from jaxtorch import dtypes
from jaxtorch.autograd import no_grad
from jaxtorch.nn.modules.batchnorm import _BatchNorm
from jaxtorch.nn.modules.module import Module
from jaxtorch.ops.data import tensor
from jaxtorch.optim.lr_base import LRScheduler, per_group
from jaxtorch.optim.optimizer import Optimizer
from jaxtorch.tensor import Tensor

__all__ = [
    "AveragedModel", "SWALR", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
    "get_swa_multi_avg_fn", "update_bn",
]  # fmt: skip


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def _is_inexact(t: Tensor) -> bool:
    return t.is_floating_point() or t.is_complex()


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """decay * average + (1 - decay) * current."""
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged):
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> Callable:
    """The mean of all that have been averaged."""

    @no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged):
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """As ``get_ema_avg_fn``, in place and for lists of tensors."""
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param_list, current_param_list, _) -> None:
        for average, current in zip(ema_param_list, current_param_list, strict=True):
            if _is_inexact(average):
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> Callable:
    """As ``get_swa_avg_fn``, in place and for lists of tensors."""

    @no_grad()
    def swa_update(averaged_param_list, current_param_list, num_averaged) -> None:
        weight = 1 / (num_averaged + 1)
        for average, current in zip(averaged_param_list, current_param_list, strict=True):
            if _is_inexact(average):
                own = weight.to(average.dtype) if isinstance(weight, Tensor) else weight
                average.lerp_(current, own)
            else:
                average.copy_(average + (current - average) / (num_averaged + 1))

    return swa_update


class AveragedModel(Module):
    """A copy of ``model`` whose parameters are averages of the model's at each
    ``update_parameters``; by default their mean.

    ``avg_fn(average, current, count)`` returns the next average of one tensor, ``multi_avg_fn``
    writes those of lists in place. Buffers are copied, or averaged too with ``use_buffers``.
    """

    n_averaged: Tensor

    def __init__(
        self, model: Module, device=None, avg_fn: Callable | None = None,
        multi_avg_fn: Callable | None = None, use_buffers: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=dtypes.long, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)

    def _averaged(self, model: Module) -> list[Tensor]:
        tensors = model.parameters()
        return list(itertools.chain(tensors, model.buffers()) if self.use_buffers else tensors)

    def update_parameters(self, model: Module) -> None:
        """Take the present parameters of ``model`` into the averages."""
        pairs = [
            (mine.detach(), theirs.detach().to(mine.device))
            for mine, theirs in zip(
                self._averaged(self.module), self._averaged(model), strict=False
            )
        ]
        with no_grad():
            if self.n_averaged == 0:
                for mine, theirs in pairs:
                    mine.copy_(theirs)
            elif self.avg_fn is not None:
                for mine, theirs in pairs:
                    mine.copy_(self.avg_fn(mine, theirs, self.n_averaged.to(mine.device)))
            else:
                self._average_lists(pairs)
            if not self.use_buffers:
                for mine, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                    mine.detach().copy_(theirs.detach().to(mine.device))
            self.n_averaged += 1

    def _average_lists(self, pairs: list) -> None:
        update = self.multi_avg_fn or get_swa_multi_avg_fn()
        groups: dict[tuple, list] = {}  # PyTorch's lists are of one device and dtype each
        for mine, theirs in pairs:
            groups.setdefault((mine.device, mine.dtype), []).append((mine, theirs))
        for (device, _), members in groups.items():
            mine, theirs = map(list, zip(*members, strict=True))
            update(mine, theirs, self.n_averaged.to(device))


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device=None) -> None:
    """Compute BatchNorm's statistics anew, over one pass of ``loader``: averaged weights have none
    of their own. Of a batch that is a list or tuple the first item is the input."""
    norms = {m: m.momentum for m in model.modules() if isinstance(m, _BatchNorm)}
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
    was_training = model.training
    model.train()
    for norm in norms:
        norm.momentum = None
    for batch in loader:
        batch = batch[0] if isinstance(batch, list | tuple) else batch
        model(batch if device is None else batch.to(device))
    for norm, momentum in norms.items():
        norm.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Anneal each group's learning rate to ``swa_lr`` over ``anneal_epochs`` and hold it there.

    ``anneal_strategy`` is "cos" or "linear".
    """

    def __init__(
        self, optimizer: Optimizer, swa_lr, anneal_epochs: int = 10, anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        rates = per_group("swa_lr", optimizer, swa_lr)
        for rate, group in zip(rates, optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._set_anneal_func(anneal_strategy)
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    @staticmethod
    def _linear_anneal(t: float) -> float:
        return t

    @staticmethod
    def _cosine_anneal(t: float) -> float:
        return (1 - math.cos(math.pi * t)) / 2

    def _set_anneal_func(self, anneal_strategy: str) -> None:
        self._anneal_strategy = anneal_strategy
        cosine = anneal_strategy == "cos"
        self.anneal_func = self._cosine_anneal if cosine else self._linear_anneal

    def get_lr(self) -> list:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                UserWarning,
                stacklevel=2,
            )
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = (
            self.anneal_func(max(0, min(1, s / max(1, self.anneal_epochs))))
            for s in (step - 1, step)
        )
        rates = []
        for group in self.optimizer.param_groups:
            lr, goal = group["lr"], group["swa_lr"]
            start = goal if before == 1 else (lr - before * goal) / (1 - before)
            rates.append(goal * now + start * (1 - now))
        return rates

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and the function of the strategy."""
        left_out = ("optimizer", "anneal_func")
        return {key: value for key, value in self.__dict__.items() if key not in left_out}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.__dict__.update(state_dict)
        self._set_anneal_func(self._anneal_strategy)
