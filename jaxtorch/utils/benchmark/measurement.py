"""What a Timer measured."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["Measurement", "TaskSpec", "select_unit", "trim_sigfig"]

_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_NAMES = {"ns": "nanoseconds", "us": "microseconds", "ms": "milliseconds", "s": "seconds"}


def select_unit(t: float) -> tuple[str, float]:
    """The unit that a time is best said in, and its length in seconds."""
    exponent = int(math.log10(t) // 3) if t > 0 else 0
    unit = {-1: "ms", -2: "us", -3: "ns"}.get(exponent, "s" if exponent >= 0 else "ns")
    return unit, _UNITS[unit]


def unit_to_english(unit: str) -> str:
    return _NAMES[unit]


def trim_sigfig(x: float, n: int) -> float:
    """``x`` with ``n`` significant digits."""
    if x == 0:
        return 0.0
    magnitude = math.ceil(math.log10(abs(x)))
    scale = 10 ** (magnitude - n)
    return float(round(x / scale) * scale)


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """What is measured: the statement, and what it is called in a report."""

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        if "\n" not in self.stmt:
            return self.stmt + (f": {self.sub_label}" if self.sub_label else "")
        return f"stmt:{f' ({self.sub_label})' if self.sub_label else ''}\n{self.stmt}"


@dataclasses.dataclass
class Measurement:
    """Seconds that repeated runs took: ``raw_times`` of ``number_per_run`` executions each."""

    number_per_run: int
    raw_times: list[float]
    task_spec: TaskSpec
    metadata: dict[str, Any] | None = None

    def __getattr__(self, name: str):
        if name.startswith("_") or name == "task_spec":
            raise AttributeError(name)
        return getattr(self.task_spec, name)

    @property
    def times(self) -> list[float]:
        """Seconds an execution, of each run."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def median(self) -> float:
        return float(np.median(self.times))

    @property
    def mean(self) -> float:
        return float(np.mean(self.times))

    @property
    def iqr(self) -> float:
        """The distance of the quartiles."""
        return float(np.subtract(*np.quantile(self.times, (0.75, 0.25))))

    @property
    def significant_figures(self) -> int:
        """How many digits of the median mean something, estimated from the quartiles."""
        times = self.times
        if len(times) < 2 or not self.iqr:
            return 2 if len(times) < 2 else 4
        low, high = np.quantile(times, (0.25, 0.75))
        spread = (high - low) / np.sqrt(len(times) - 1) / self.median
        return min(max(math.floor(-math.log10(spread)), 1), 4) if spread > 0 else 4

    @property
    def has_warnings(self) -> bool:
        return self.iqr > 0.1 * self.median

    def meets_confidence(self, threshold: float = 0.1) -> bool:
        """Is the distance of the quartiles under this part of the median?"""
        return self.iqr <= threshold * self.median

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """Measurements of the same task and number as one."""
        together: dict[tuple, Measurement] = {}
        for m in measurements:
            key = (m.number_per_run, m.task_spec)
            if key in together:
                together[key].raw_times.extend(m.raw_times)
            else:
                together[key] = Measurement(m.number_per_run, list(m.raw_times), m.task_spec)
        return list(together.values())

    def __repr__(self) -> str:
        unit, seconds = select_unit(self.median)
        many = len(self.raw_times) > 1
        lines = [f"<{type(self).__module__}.Measurement object at {id(self):#x}>", self.title]
        if self.task_spec.description:
            lines.append(self.task_spec.description)
        if self.task_spec.setup and self.task_spec.setup != "pass":
            lines.append(f"setup: {self.task_spec.setup}")
        lines.append(f"  {'Median: ' if many else ''}{self.median / seconds:.2f} {unit}")
        if many:
            lines.append(f"  IQR:    {self.iqr / seconds:.2f} {unit}")
        runs = f"{len(self.raw_times)} measurement{'s' * many}"
        threads = f"{self.num_threads} thread{'s' * (self.num_threads > 1)}"
        lines.append(f"  {runs}, {self.number_per_run} runs {'per measurement,' if many else ','} "
                     f"{threads}")  # fmt: skip
        return "\n".join(lines)
