"""L-BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.5, 3.5 and 3.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxtorch import autograd
from jaxtorch.optim import update
from jaxtorch.optim.optimizer import Optimizer, check_lr
from jaxtorch.tensor import Tensor

__all__ = ["LBFGS"]


class Point(NamedTuple):
    """A step along the search direction: its length, the loss there, gradient and slope."""

    t: float
    loss: float
    grad: np.ndarray
    slope: float


class LBFGS(Optimizer):
    """Quasi-Newton steps from the last `history_size` changes of the gradient; for full batches.

    `step` needs a closure, which it calls again and again. Vectors are kept and combined on the
    host: each iteration branches on the loss anyway. ValueError for a negative learning rate and
    for more than one parameter group; RuntimeError for an unknown `line_search_fn`.
    """

    def __init__(
        self,
        params,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        check_lr(lr)
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    def step(self, closure: Callable):
        """Take up to `max_iter` iterations; return the loss before them."""
        group = self.param_groups[0]
        lr, least = float(group["lr"]), group["tolerance_change"]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        memory: dict[str, Any] = {key: _to_host(value) for key, value in state.items()}

        def evaluate():
            with autograd.enable_grad():
                loss = closure()
            return loss, float(loss), self._flat_grad()

        first_loss, loss, grad = evaluate()
        calls = 1
        memory["func_evals"] += 1
        flat = np.abs(grad).max() <= group["tolerance_grad"]
        iteration = 0
        while iteration < group["max_iter"] and not flat:
            iteration += 1
            memory["n_iter"] += 1
            direction = _direction(memory, grad, group["history_size"])
            before, memory["prev_flat_grad"], memory["prev_loss"] = loss, grad, loss
            t = lr
            if memory["n_iter"] == 1:
                t = min(1.0, 1.0 / float(np.abs(grad).sum())) * lr
            memory["d"], memory["t"] = direction, t
            slope = float(grad @ direction)
            if slope > -least:
                break
            start = self._values()
            evaluations = 0
            if group["line_search_fn"]:

                def at(t, start=start, direction=direction):
                    self._move(start, t, direction)
                    _, loss, grad = evaluate()
                    return Point(t, loss, grad, float(grad @ direction))

                origin = Point(0.0, loss, grad, slope)
                size = float(np.abs(direction).max())
                limit = group["max_eval"] - calls
                (t, loss, grad, _), evaluations = _strong_wolfe(at, origin, t, size, least, limit)
                memory["t"] = t
                self._move(start, t, direction)
            else:
                self._move(start, t, direction)
                if iteration != group["max_iter"]:
                    _, loss, grad = evaluate()
                    evaluations = 1
            flat = np.abs(grad).max() <= group["tolerance_grad"]
            calls += evaluations
            memory["func_evals"] += evaluations
            if (
                calls >= group["max_eval"]
                or np.abs(direction * t).max() <= least
                or abs(loss - before) < least
            ):
                break
        state.update({key: self._to_device(value) for key, value in memory.items()})
        return first_loss

    def _values(self) -> list[np.ndarray]:
        return [param.detach().cpu().numpy() for param in self._params]

    def _flat_grad(self) -> np.ndarray:
        """All gradients in a row, complex ones as pairs, zeros for those that are not there."""
        rows = []
        for param in self._params:
            if param.grad is None:
                row = np.zeros(tuple(param.shape), param.dtype.numpy)
            else:
                row = param.grad.detach().cpu().numpy()
            rows.append(_reals(np.ravel(row)))
        return np.concatenate(rows)

    def _move(self, start: list[np.ndarray], t: float, direction: np.ndarray) -> None:
        """Put the parameters `t` times the direction away from `start`."""
        begin = 0
        for param, value in zip(self._params, start, strict=True):
            moved = _reals(np.ravel(value)).copy()
            moved += np.asarray(t, moved.dtype) * direction[begin : begin + moved.size]
            begin += moved.size
            array = moved.view(value.dtype).reshape(value.shape)
            param._adopt(update.tensor_beside(param, array))

    def _to_device(self, value):
        if isinstance(value, np.ndarray):
            return update.tensor_beside(self._params[0], value)
        if isinstance(value, list):
            return [self._to_device(item) for item in value]
        return value


def _to_host(value):
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, list | tuple):
        return [_to_host(item) for item in value]
    return value


def _reals(row: np.ndarray) -> np.ndarray:
    return row.view(np.finfo(row.dtype).dtype) if row.dtype.kind == "c" else row


def _direction(memory: dict, grad: np.ndarray, history_size: int) -> np.ndarray:
    """Minus the inverse Hessian, as the memory knows it, times the gradient (algorithm 7.4)."""
    if memory["n_iter"] == 1:
        memory.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
        return -grad
    y = grad - memory["prev_flat_grad"]
    s = memory["d"] * np.asarray(memory["t"], grad.dtype)
    ys = y @ s
    changes, steps, ro = memory["old_dirs"], memory["old_stps"], memory["ro"]
    if ys > 1e-10:
        if len(changes) == history_size:
            for row in (changes, steps, ro):
                row.pop(0)
        changes.append(y)
        steps.append(s)
        ro.append(np.asarray(1.0 / ys, grad.dtype))
        memory["H_diag"] = np.asarray(ys / (y @ y), grad.dtype)
    q = -grad
    weights = []
    for y, s, r in zip(reversed(changes), reversed(steps), reversed(ro), strict=True):
        weights.append((s @ q) * r)
        q = q - weights[-1] * y
    q = q * memory["H_diag"]
    for y, s, r, weight in zip(changes, steps, ro, reversed(weights), strict=True):
        q = q + (weight - (y @ q) * r) * s
    return q


def _cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points with their slopes is least (equation 3.59), in bounds."""
    low, high = bounds or (min(a.t, b.t), max(a.t, b.t))
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if square < 0:
        return (low + high) / 2.0
    if a.t > b.t:
        a, b = b, a
    d2 = square**0.5
    least = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(least, low), high)


def _strong_wolfe(
    at: Callable[[float], Point],
    origin: Point,
    t: float,
    size: float,
    tolerance_change: float,
    limit: int,
) -> tuple[Point, int]:
    """A step that fulfils the strong Wolfe conditions, and how often the loss was evaluated.

    First a bracket around such a point (algorithm 3.5), then smaller ones (algorithm 3.6).
    """
    sufficient, curvature = 1e-4, 0.9

    def too_high(p: Point) -> bool:
        return p.loss > origin.loss + sufficient * p.t * origin.slope

    def flat_enough(p: Point) -> bool:
        return abs(p.slope) <= -curvature * origin.slope

    before, new, rounds = origin, at(t), 0
    evaluations = 1
    bracket = None
    while rounds < limit:
        if too_high(new) or (rounds > 1 and new.loss >= before.loss):
            bracket = [before, new]
            break
        if flat_enough(new):
            return new, evaluations
        if new.slope >= 0:
            bracket = [before, new]
            break
        bounds = (new.t + 0.01 * (new.t - before.t), new.t * 10)
        t = _cubic_minimum(before, new, bounds)
        before, new = new, at(t)
        evaluations += 1
        rounds += 1
    if bracket is None:
        bracket = [origin, new]
    low, high = sorted(bracket, key=lambda p: p.loss)
    stuck = False
    while rounds < limit and abs(high.t - low.t) * size >= tolerance_change:
        bottom, top = min(low.t, high.t), max(low.t, high.t)
        first, second = bracket
        t = _cubic_minimum(first, second)
        margin = 0.1 * (top - bottom)
        if min(top - t, t - bottom) < margin:
            # Too near an end: twice in a row, or at the end itself, the step is pulled inside.
            if stuck or t >= top or t <= bottom:
                t = top - margin if abs(t - top) < abs(t - bottom) else bottom + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        new = at(t)
        evaluations += 1
        rounds += 1
        if too_high(new) or new.loss >= low.loss:
            bracket[0 if bracket[0] is high else 1] = new
            low, high = sorted(bracket, key=lambda p: p.loss)
            continue
        if flat_enough(new):
            return new, evaluations
        place = 0 if bracket[0] is low else 1
        if new.slope * (high.t - low.t) >= 0:
            bracket[1 - place] = high = low
        bracket[place] = low = new
    return low, evaluations
