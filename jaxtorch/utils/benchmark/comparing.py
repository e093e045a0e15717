"""Compare: measurements beside each other, a table for each label."""

from __future__ import annotations

from collections.abc import Iterable

from jaxtorch.utils.benchmark.measurement import (
    Measurement,
    select_unit,
    trim_sigfig,
    unit_to_english,
)

__all__ = ["Compare"]


class Compare:
    """A row for each ``sub_label`` (and number of threads), a column for each ``description``."""

    def __init__(self, results: list[Measurement]):
        self._results: list[Measurement] = []
        self._trim = False
        self.extend_results(results)

    def extend_results(self, results: Iterable[Measurement]) -> None:
        for result in results:
            if not isinstance(result, Measurement):
                raise ValueError(
                    f"Expected an instance of `Measurement`, got {type(result)} instead."
                )
            self._results.append(result)

    def trim_significant_figures(self) -> None:
        """Show only the digits that mean something."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        raise NotImplementedError("Compare.colorize: the table is plain text")

    def highlight_warnings(self) -> None:
        raise NotImplementedError("Compare.highlight_warnings: the table is plain text")

    def print(self) -> None:
        print(str(self))

    def __str__(self) -> str:
        merged = Measurement.merge(self._results)
        labels = list(dict.fromkeys(m.task_spec.label or m.title for m in merged))
        return "\n".join(
            self._table(label, [m for m in merged if (m.task_spec.label or m.title) == label])
            for label in labels
        )

    def _table(self, label: str, results: list[Measurement]) -> str:
        unit, seconds = select_unit(min(m.median for m in results))
        columns = list(dict.fromkeys(m.task_spec.description or "" for m in results))
        rows = list(dict.fromkeys((m.num_threads, m.task_spec.sub_label or m.task_spec.stmt)
                                  for m in results))  # fmt: skip
        cells: dict[tuple, str] = {}
        for m in results:
            value = m.median / seconds
            value = trim_sigfig(value, m.significant_figures) if self._trim else value
            row = (m.num_threads, m.task_spec.sub_label or m.task_spec.stmt)
            cells[row, m.task_spec.description or ""] = f"{value:.1f}"
        first = max(len(name) for _, name in rows) + 6
        widths = [max(len(c), *(len(cells.get((row, c), "")) for row in rows)) + 2 for c in columns]
        heads = "  |".join(c.center(w) for c, w in zip(columns, widths, strict=True))
        lines = [" " * first + "  |" + heads]
        threads = None
        for row in rows:
            if row[0] != threads:
                threads = row[0]
                lines.append(f"{threads} threads: ".ljust(len(lines[0]), "-"))
            shown = [cells.get((row, c), "").rjust(w - 1) + " "
                     for c, w in zip(columns, widths, strict=True)]  # fmt: skip
            lines.append(f"      {row[1]}".ljust(first) + "  |" + "  |".join(shown))
        title = f"[{f' {label} '.center(max(len(lines[0]) - 2, len(label) + 2), '-')}]"
        return "\n".join([title, *lines, "", f"Times are in {unit_to_english(unit)} ({unit}).", ""])
