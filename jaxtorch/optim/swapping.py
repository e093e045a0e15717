"""Another set of parameters and state in an optimizer, for the length of a block."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from jaxtorch.optim.optimizer import Optimizer
from jaxtorch.tensor import Tensor

__all__ = ["swap_in_optimizer_params_and_state"]

_NAME = "swap_in_optimizer_params_and_state requires"


@contextlib.contextmanager
def swap_in_optimizer_params_and_state(
    optimizer: Optimizer, swapin_parameters: dict[str, Tensor], swapin_optim_state: dict[str, Any]
) -> Iterator[None]:
    """In the block ``optimizer`` works on these parameters (in the order of its own) with this
    ``state_dict``; tensors in it see what a step writes. RuntimeError where they do not fit."""
    groups = _checked(optimizer, swapin_parameters, swapin_optim_state)
    state = swapin_optim_state["state"]
    kept_state = optimizer.state
    kept_groups = [dict(group) for group in optimizer.param_groups]
    swapped: defaultdict[Any, Any] = defaultdict(dict)
    try:
        for live, (given, params) in zip(optimizer.param_groups, groups, strict=True):
            for param, number in zip(params, given["params"], strict=True):
                swapped[param] = dict(state.get(number, {}))
            live.update(given)
            live["params"] = params
        optimizer.state = swapped
        yield
    finally:
        for live, kept in zip(optimizer.param_groups, kept_groups, strict=True):
            live.clear()
            live.update(kept)
        optimizer.state = kept_state


def _checked(optimizer: Optimizer, parameters: dict, given: dict) -> list[tuple[dict, list]]:
    """(options, parameters) of each group, if all fits."""
    if not optimizer.state:
        raise RuntimeError(f"{_NAME} initialized optimizer state.")
    if not isinstance(given, dict):
        raise RuntimeError(f"{_NAME} a DCP-style optimizer state_dict.")
    state, groups = given.get("state"), given.get("param_groups")
    if not isinstance(state, dict):
        raise RuntimeError(
            f"{_NAME} swapin_optim_state['state'] to be a dict mapping packed parameter ids to "
            f"per-param state dicts, got {type(state).__name__}."
        )
    if any(isinstance(key, Tensor) for key in state):
        raise RuntimeError(
            f"{_NAME} optimizer.state_dict()-style state keyed by packed parameter ids."
        )
    if any(isinstance(k, int) and not isinstance(v, dict) for k, v in state.items()):
        raise RuntimeError(f"{_NAME} per-parameter optimizer state entries to be dictionaries.")
    if not isinstance(groups, list):
        raise RuntimeError(
            f"{_NAME} swapin_optim_state['param_groups'] to be a list of param-group dicts, got "
            f"{type(groups).__name__}."
        )
    if len(optimizer.param_groups) != len(groups):
        raise RuntimeError(
            "swapin_optim_state has a different number of parameter groups than the live optimizer."
        )
    left, found, numbers = list(parameters.values()), [], set()
    for i, (live, group) in enumerate(zip(optimizer.param_groups, groups, strict=True)):
        count = _check_group(i, live, group)
        if count > len(left):
            raise RuntimeError(
                f"{_NAME} the explicit parameter state to match optimizer.param_groups ordering."
            )
        numbers.update(group["params"])
        found.append((group, left[:count]))
        left = left[count:]
    extra = [key for key in state if key not in numbers]
    if extra:
        raise RuntimeError(
            f"{_NAME} swapin_optim_state['state'] to be keyed only by packed parameter ids from "
            f"param_groups[*]['params']; got extra keys {extra!r}."
        )
    return found


def _check_group(i: int, live: dict, group) -> int:
    if not isinstance(group, dict):
        raise RuntimeError(f"{_NAME} each optimizer param group to be a dictionary.")
    numbers = group.get("params")
    if not isinstance(numbers, list) or not all(isinstance(n, int) for n in numbers):
        raise RuntimeError(
            f"{_NAME} optimizer.state_dict()-style param_groups[*]['params'] entries keyed by "
            "packed parameter ids."
        )
    if len(live["params"]) != len(numbers):
        raise RuntimeError(
            f"swapin_optim_state param group {i} has a different number of params than the live "
            "optimizer param group."
        )
    theirs = [key for key in group if key not in live]
    mine = [key for key in live if key not in group]
    if theirs or mine:
        raise RuntimeError(
            f"{_NAME} optimizer.state_dict()-style param group keys to exactly match the live "
            f"optimizer group keys for group {i}. Keys only in swap-in: {theirs}. "
            f"Keys only in live: {mine}."
        )
    return len(numbers)
