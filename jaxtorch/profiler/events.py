"""Events of a profile, by themselves and by name, and the table of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg"]


@dataclass
class FunctionEvent:
    """One run of an op, or one ``record_function`` block; times in microseconds."""

    name: str
    start: float
    end: float
    children: float = 0.0  # how much of it other events took
    input_shapes: tuple = ()
    is_user_annotation: bool = False
    thread: int = 0

    @property
    def key(self) -> str:
        return self.name

    @property
    def cpu_time_total(self) -> float:
        return self.end - self.start

    cpu_time = cpu_time_total

    @property
    def self_cpu_time_total(self) -> float:
        return self.cpu_time_total - self.children

    @property
    def count(self) -> int:
        return 1


@dataclass
class FunctionEventAvg:
    """Events of the same name (and shapes) together."""

    key: str
    input_shapes: tuple = ()
    count: int = 0
    cpu_time_total: float = 0.0
    self_cpu_time_total: float = 0.0
    is_user_annotation: bool = False

    def add(self, event: FunctionEvent) -> None:
        self.count += 1
        self.cpu_time_total += event.cpu_time_total
        self.self_cpu_time_total += event.self_cpu_time_total
        self.is_user_annotation = event.is_user_annotation

    @property
    def cpu_time(self) -> float:
        return self.cpu_time_total / self.count if self.count else 0.0


def _time(us: float) -> str:
    if us >= 1e6:
        return f"{us / 1e6:.3f}s"
    return f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


@dataclass
class EventList:
    """A list of events that can be added up, shown and written to a file."""

    events: list = field(default_factory=list)

    def __iter__(self):
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def __getitem__(self, index):
        return self.events[index]

    @property
    def self_cpu_time_total(self) -> float:
        return sum(event.self_cpu_time_total for event in self.events)

    def key_averages(
        self, group_by_input_shapes: bool = False, group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:  # fmt: skip
        """The events of each name added up; of each name and input shapes, if asked for."""
        if group_by_stack_n or group_by_overload_name:
            raise NotImplementedError("key_averages: events are grouped by name and input shapes")
        sums: dict[tuple, FunctionEventAvg] = {}
        for event in self.events:
            shapes = event.input_shapes if group_by_input_shapes else ()
            key = (event.name, shapes)
            sums.setdefault(key, FunctionEventAvg(event.name, shapes)).add(event)
        return EventList(list(sums.values()))

    def total_average(self) -> FunctionEventAvg:
        total = FunctionEventAvg("Total")
        for event in self.events:
            total.count += event.count
            total.self_cpu_time_total += event.self_cpu_time_total
            total.cpu_time_total += event.cpu_time_total
        return total

    def table(
        self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75,
        max_name_column_width: int = 55, max_shapes_column_width: int = 80,
        header: str | None = None, top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:  # fmt: skip
        """The events as text: name, share and time of its own and in all, how often. ``sort_by``:
        an attribute ("cpu_time_total", "self_cpu_time_total", "cpu_time", "count")."""
        if top_level_events_only or time_unit:
            raise NotImplementedError("table(top_level_events_only=True, time_unit=...)")
        rows = list(self.events)
        if sort_by is not None:
            if sort_by not in ("cpu_time_total", "self_cpu_time_total", "cpu_time", "count", "key"):
                raise NotImplementedError(
                    f"table(sort_by={sort_by!r}): ops are timed as the cpu waits for them: sort by "
                    "cpu_time_total, self_cpu_time_total, cpu_time or count"
                )
            rows.sort(key=lambda event: getattr(event, sort_by), reverse=sort_by != "key")
        whole = self.self_cpu_time_total or 1.0
        shapes = any(event.input_shapes for event in rows)
        titles = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg",
                  "# of Calls", *(["Input Shapes"] if shapes else [])]  # fmt: skip
        lines = [titles]
        for event in rows[:row_limit] if row_limit >= 0 else rows:
            own, total = event.self_cpu_time_total, event.cpu_time_total
            cells = [
                _cut(event.key, max_name_column_width), f"{own / whole:.2%}", _time(own),
                f"{total / whole:.2%}", _time(total), _time(event.cpu_time), str(event.count),
            ]  # fmt: skip
            if shapes:
                cells.append(_cut(str(list(event.input_shapes)), max_shapes_column_width))
            lines.append(cells)
        widths = [max(len(line[i]) for line in lines) + 2 for i in range(len(titles))]
        rule = "  ".join("-" * width for width in widths)
        text = ["  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
        top = [header] if header else []
        return "\n".join([
            *top, rule, text[0], rule, *text[1:], rule,
            f"Self CPU time total: {_time(self.self_cpu_time_total)}", "",
        ])  # fmt: skip

    def export_chrome_trace(self, path: str) -> None:
        """Write the events as JSON that chrome://tracing and Perfetto show."""
        events = [
            {"name": e.name, "ph": "X", "ts": e.start, "dur": e.end - e.start, "pid": 0,
             "tid": e.thread, "cat": "user_annotation" if e.is_user_annotation else "cpu_op",
             "args": {"Input Dims": [list(s) for s in e.input_shapes]}}
            for e in self.events
        ]  # fmt: skip
        with open(path, "w") as file:
            json.dump({"schemaVersion": 1, "traceEvents": events}, file)

    def __str__(self) -> str:
        return self.table()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
