"""GradScaler: losses made large, so that small gradients survive in float16.

An update whose gradients are not finite is skipped. Where the optimizer is one of ours that is a
choice inside the program of the step, so that forward, backward, the check and the update stay one
program and nothing is looked at in between.
"""

from __future__ import annotations

import inspect
import warnings
from collections import abc, defaultdict
from enum import Enum
from typing import Any

import jax.numpy as jnp

from jaxtorch import cuda, dtypes
from jaxtorch.engine import call
from jaxtorch.ops.creation import full
from jaxtorch.optim import optimizer as optim, update as optim_update
from jaxtorch.tensor import Tensor, to_place

__all__ = ["GradScaler", "OptState"]


class OptState(Enum):
    """How far an optimizer has come since the last ``update``."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


def _fresh() -> dict[str, Any]:
    return {"stage": OptState.READY, "found_inf_per_device": {}}


def _unscaled(arrays, numbers):
    """The gradients over the scale, and 1.0 if any of them was not finite."""
    *grads, scale = arrays
    inverse = (1 / scale.astype(jnp.float64)).astype(jnp.float32)
    found = [jnp.any(~jnp.isfinite(g)) for g in grads]
    return (
        *((g.astype(jnp.result_type(g, jnp.float32)) * inverse).astype(g.dtype) for g in grads),
        jnp.stack(found).any().astype(jnp.float32),
    )


def _checked(arrays, numbers):
    """1.0 if any gradient is not finite."""
    return (jnp.stack([jnp.any(~jnp.isfinite(g)) for g in arrays]).any().astype(jnp.float32),)


def _updated(arrays, numbers):
    """The next scale and count of steps without an overflow (PyTorch's ``_amp_update_scale_``)."""
    scale, tracker, *found = arrays
    growth, backoff, interval = (n.astype(jnp.float32) for n in numbers)
    overflow = sum(f.reshape(()) for f in found) > 0
    tracker = tracker + 1
    due = tracker.astype(jnp.float32) == interval
    grown = scale * growth
    larger = jnp.where(due & jnp.isfinite(grown), grown, scale)
    return (
        jnp.where(overflow, scale * backoff, larger),
        jnp.where(overflow | due, 0, tracker).astype(jnp.int32),
    )


class GradScaler:
    """Multiplies losses by a scale that halves when gradients overflow and doubles after
    ``growth_interval`` steps without.

        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    ``step`` skips the update if a gradient is inf or NaN. With an optimizer of ``torch.optim`` that
    keeps its own ``step`` and has no step hooks nothing is read for that: a skipped ``step`` is
    called and changes nothing.
    """

    def __init__(
        self, device: str = "cuda", init_scale: float = 2.0**16, growth_factor: float = 2.0,
        backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        self._device = device
        self._enabled = enabled
        if device == "cuda" and enabled and not cuda.is_available():
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.",
                stacklevel=2,
            )
            self._enabled = False
        if not self._enabled:
            return
        if growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._init_scale = init_scale
        self._scale: Tensor | None = None
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._init_growth_tracker = 0
        self._growth_tracker: Tensor | None = None
        self._per_optimizer_states: defaultdict[int, dict[str, Any]] = defaultdict(_fresh)

    def _check_scale_growth_tracker(self, funcname: str) -> tuple[Tensor, Tensor]:
        for name in ("_scale", "_growth_tracker"):
            if getattr(self, name) is None:
                raise AssertionError(
                    f"Attempted {funcname} but {name} is None.  This may indicate your script did "
                    "not use scaler.scale(loss or outputs) earlier in the iteration."
                )
        return self._scale, self._growth_tracker  # type: ignore[return-value]

    # -- scaling ------------------------------------------------------------------------------

    def scale(self, outputs):
        """A Tensor, or Tensors in nested iterables, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            if self._scale is None:
                self._begin(outputs.device)
            return outputs * to_place(self._scale, outputs._read().aval.place)
        if isinstance(outputs, abc.Iterable):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, list | tuple) else scaled
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def _begin(self, device) -> None:
        self._scale = full((), self._init_scale, dtype=dtypes.float32, device=device)
        self._growth_tracker = full(
            (), self._init_growth_tracker, dtype=dtypes.int32, device=device
        )

    def unscale_(self, optimizer) -> None:
        """Divide the gradients by the scale, for a look at them (or ``clip_grad_norm_``) before
        ``step``; ValueError for float16 gradients."""
        if not self._enabled:
            return
        scale, _ = self._check_scale_growth_tracker("unscale_")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        state["found_inf_per_device"] = found = {}
        for place, grads in _gradients(optimizer, allow_fp16=False).items():
            given = [*grads, to_place(scale, place)]
            *new, found[place] = call(_unscaled, "unscale", given, (), range(len(grads)))
            for grad, value in zip(grads, new, strict=True):
                grad._adopt(value)
        state["stage"] = OptState.UNSCALED

    def _check_inf_per_device(self, optimizer) -> dict[str, Tensor]:
        self._check_scale_growth_tracker("_check_inf_per_device")
        found = {
            place: call(_checked, "check_finite", grads)[0]
            for place, grads in _gradients(optimizer, allow_fp16=True).items()
        }
        self._per_optimizer_states[id(optimizer)]["found_inf_per_device"] = found
        return found

    def _found_inf_per_device(self, optimizer) -> dict[str, Tensor]:
        return self._per_optimizer_states[id(optimizer)]["found_inf_per_device"]

    # -- stepping -----------------------------------------------------------------------------

    def step(self, optimizer, *args: Any, **kwargs: Any):
        """``optimizer.step(*args, **kwargs)`` with unscaled gradients, if all are finite.

        RuntimeError for a closure, and for a second call before ``update``.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        scale, _ = self._check_scale_growth_tracker("step")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if getattr(optimizer, "_step_supports_amp_scaling", False):
            result = self._step_that_scales(optimizer, state, scale, args, kwargs)
        else:
            if state["stage"] is OptState.READY:
                self.unscale_(optimizer)
            if not state["found_inf_per_device"]:
                raise AssertionError("No inf checks were recorded for this optimizer.")
            result = self._maybe_opt_step(optimizer, state, *args, **kwargs)
        state["stage"] = OptState.STEPPED
        return result

    def _maybe_opt_step(self, optimizer, state: dict[str, Any], *args: Any, **kwargs: Any):
        found = list(state["found_inf_per_device"].values())
        if optim_update.can_skip(optimizer):
            return optim_update.skipping(optimizer, found, lambda: optimizer.step(*args, **kwargs))
        if any(f.item() for f in found):
            return None
        return optimizer.step(*args, **kwargs)

    def _step_that_scales(self, optimizer, state, scale: Tensor, args, kwargs):
        """An optimizer of the user's that says it unscales and skips by itself."""
        if "grad_scaler" in inspect.signature(optimizer.step).parameters:
            warnings.warn(
                "GradScaler is going to stop passing itself as a keyword argument to the passed "
                "optimizer. In the near future GradScaler registers `grad_scale: Tensor` and "
                "`found_inf: Tensor` to the passed optimizer and let the optimizer use them "
                "directly.",
                FutureWarning,
                stacklevel=3,
            )
            return optimizer.step(*args, **{**kwargs, "grad_scaler": self})
        if state["stage"] is OptState.READY:
            self._check_inf_per_device(optimizer)
        given = getattr(optimizer, "grad_scale", None)
        if state["stage"] is not OptState.UNSCALED:
            given = scale * (1 if given is None else given)
        optimizer.grad_scale = given
        place = scale._read().aval.place
        optimizer.found_inf = sum(
            to_place(f, place) for f in state["found_inf_per_device"].values()
        )
        try:
            return optimizer.step(*args, **kwargs)
        finally:
            del optimizer.grad_scale
            del optimizer.found_inf

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Adjust the scale by what the steps since the last ``update`` met, or set it."""
        if not self._enabled:
            return
        scale, tracker = self._check_scale_growth_tracker("update")
        if new_scale is not None:
            if isinstance(new_scale, Tensor):
                if (
                    new_scale.device.type != self._device
                    or new_scale.numel() != 1
                    or new_scale.requires_grad
                ):
                    raise AssertionError(
                        "new_scale should be a float or a 1-element torch.cuda.FloatTensor or "
                        "torch.FloatTensor with requires_grad=False."
                    )
                scale.copy_(new_scale.reshape(()))
            else:
                scale.fill_(new_scale)
        else:
            place = scale._read().aval.place
            found = [
                to_place(f, place)
                for state in self._per_optimizer_states.values()
                for f in state["found_inf_per_device"].values()
            ]
            if not found:
                raise AssertionError("No inf checks were recorded prior to update.")
            factors = (self._growth_factor, self._backoff_factor, self._growth_interval)
            new = call(_updated, "update_scale", [scale, tracker, *found], factors)
            scale._adopt(new[0])
            tracker._adopt(new[1])
        self._per_optimizer_states = defaultdict(_fresh)

    # -- looking and setting ------------------------------------------------------------------

    def _get_scale_async(self) -> Tensor | None:
        return self._scale

    def get_scale(self) -> float:
        """The scale as a number, which evaluates what is pending; 1.0 where scaling is off."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else self._scale.item()

    def get_growth_factor(self) -> float:
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        if self._growth_tracker is None:
            return self._init_growth_tracker
        return self._growth_tracker.item()

    def is_enabled(self) -> bool:
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """scale, growth_factor, backoff_factor, growth_interval and _growth_tracker as numbers;
        empty where scaling is off."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._get_growth_tracker(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` of an enabled scaler returned."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled "
                "instance of GradScaler."
            )
        self._init_scale = state_dict["scale"]
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._init_growth_tracker = state_dict["_growth_tracker"]
        if self._scale is not None and self._growth_tracker is not None:
            self._scale.fill_(self._init_scale)
            self._growth_tracker.fill_(self._init_growth_tracker)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self._enabled:
            if self._per_optimizer_states:
                raise AssertionError(
                    "A GradScaler instance may only be pickled at the beginning of an iteration, "
                    "or at the end after scaler.update()."
                )
            state["_init_scale"] = self.get_scale()
            state["_init_growth_tracker"] = self._get_growth_tracker()
            state["_scale"] = state["_growth_tracker"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def _gradients(optimizer: optim.Optimizer, allow_fp16: bool) -> dict[str, list[Tensor]]:
    """The optimizer's gradients, each once, by place."""
    found: dict[str, list[Tensor]] = {}
    seen = set()
    for group in optimizer.param_groups:
        for param in group["params"]:
            grad = param.grad
            if grad is None or id(grad) in seen:
                continue
            seen.add(id(grad))
            if grad.dtype is dtypes.float16 and not allow_fp16:
                raise ValueError("Attempting to unscale FP16 gradients.")
            found.setdefault(grad._read().aval.place, []).append(grad)
    return found
