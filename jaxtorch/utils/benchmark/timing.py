"""Timer: a statement run again and again. What it records is computed before the clock stops."""

from __future__ import annotations

import time
import timeit
import warnings
from typing import Any

from jaxtorch import settings
from jaxtorch.engine import evaluate_all
from jaxtorch.utils.benchmark.measurement import Measurement, TaskSpec

__all__ = ["Timer", "timer"]


def timer() -> float:
    """The time, when all that is recorded so far has been computed."""
    import jax

    evaluate_all()
    jax.effects_barrier()
    for device in jax.devices():
        jax.device_put(0, device).block_until_ready()
    return time.perf_counter()


class Timer:
    """``Timer("f(x)", globals={"f": f, "x": x}).blocked_autorange()``.

    The statement's results are live until the clock stops, or the engine would not compute them: a
    statement that is an expression is kept. XLA's threads are set once in a process: where
    ``num_threads`` is another number it warns, and measures with those that there are.
    """

    def __init__(
        self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer=timer,
        globals: dict[str, Any] | None = None, label: str | None = None,
        sub_label: str | None = None, description: str | None = None, env: str | None = None,
        num_threads: int | None = None, language: str = "python",
    ):  # fmt: skip
        if language not in ("python", "py") or global_setup:
            raise NotImplementedError("torch.utils.benchmark.Timer: C++ statements")
        threads = settings.get_num_threads()
        if num_threads not in (None, threads):
            warnings.warn(
                f"Timer(num_threads={num_threads}): it is measured with the {threads} threads that "
                "XLA has; torch.set_num_threads before the first computation sets them",
                stacklevel=2,
            )
        self._task_spec = TaskSpec(
            stmt, setup, global_setup, label, sub_label, description, env, threads
        )
        scope = dict(globals or {})
        scope.setdefault("torch", __import__("jaxtorch"))
        self._timer = timeit.Timer(_keeping(stmt), setup, timer, scope)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """The time of ``number`` executions, after a hundredth as many to warm up."""
        self._timer.timeit(max(number // 100, 2))
        return Measurement(number, [self._timer.timeit(number)], self._task_spec)

    def repeat(self, repeat: int = -1, number: int = -1) -> None:
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback=None) -> None:
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def _number(self, least: float) -> int:
        """How many executions take at least so many seconds."""
        number = 1
        self._timer.timeit(2)  # what is compiled at first is not timed
        while True:
            taken = self._timer.timeit(number)
            if taken >= least or number >= 10**9:
                return number
            number = max(number + 1, min(10 * number, int(number * 1.2 * least / max(taken, 1e-9))))

    def blocked_autorange(self, callback=None, min_run_time: float = 0.2) -> Measurement:
        """Runs of equal length until ``min_run_time`` seconds have gone by."""
        number = self._number(min_run_time / 10)
        times: list[float] = []
        while sum(times) < min_run_time:
            times.append(self._timer.timeit(number))
            if callback is not None:
                callback(number, times[-1])
        return Measurement(number, times, self._task_spec)

    def adaptive_autorange(
        self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0,
        callback=None,
    ) -> Measurement:  # fmt: skip
        """Runs until the quartiles lie within ``threshold`` of the median, or for
        ``max_run_time``."""
        number = self._number(min_run_time / 10)
        times: list[float] = []
        while True:
            times.append(self._timer.timeit(number))
            if callback is not None:
                callback(number, times[-1])
            found = Measurement(number, times, self._task_spec)
            steady = len(times) > 3 and found.meets_confidence(threshold)
            if (steady and sum(times) >= min_run_time) or sum(times) >= max_run_time:
                return found

    def collect_callgrind(self, *args, **kwargs) -> None:
        raise NotImplementedError("Timer.collect_callgrind: Valgrind does not see XLA's programs")


def _keeping(stmt: str) -> str:
    """The statement with its value kept until the next, if it is an expression."""
    try:
        compile(stmt, "<timed>", "eval")
    except SyntaxError:
        return stmt
    return f"_kept = ({stmt})"
