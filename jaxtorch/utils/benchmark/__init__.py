"""``torch.utils.benchmark``: how long statements take, results waited for."""

from jaxtorch.utils.benchmark.comparing import Compare as Compare
from jaxtorch.utils.benchmark.measurement import (
    Measurement as Measurement,
    TaskSpec as TaskSpec,
    select_unit as select_unit,
    trim_sigfig as trim_sigfig,
)
from jaxtorch.utils.benchmark.timing import Timer as Timer, timer as timer

__all__ = ["Compare", "Measurement", "TaskSpec", "Timer", "select_unit", "timer", "trim_sigfig"]
