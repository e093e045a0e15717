"""A table that is printed as Markdown, and the chart of a table."""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Table:
    title: str
    head: list[str]
    rows: list[list[str | float]]

    def markdown(self) -> str:
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def print_table(table: Table) -> None:
    print(f"\n## {table.title}\n\n{table.markdown()}\n", flush=True)


def save_chart(table: Table, baseline: str, path: Path) -> None:
    """Bars of each contender's time over the baseline's, on a log scale: shorter is faster."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    contenders = [name for name in table.head[1:] if "/" not in name and "differ" not in name]
    figure, panel = plt.subplots(figsize=(10, 4.5))
    width = 0.8 / len(contenders)
    for i, contender in enumerate(contenders):
        column, base = table.head.index(contender), table.head.index(baseline)
        ratios = [row[column] / row[base] for row in table.rows]
        places = [at + i * width for at in range(len(ratios))]
        panel.bar(places, ratios, width, label=contender)
    panel.axhline(1, color="black", linewidth=0.8)
    panel.set(yscale="log", ylabel=f"time / {baseline}", title=table.title)
    middle = 0.4 - width / 2
    panel.set_xticks([at + middle for at in range(len(table.rows))], [r[0] for r in table.rows])
    panel.tick_params(axis="x", labelsize=8)
    panel.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    print(f"wrote {path}")
