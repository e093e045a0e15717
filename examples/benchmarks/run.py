"""All benchmarks: prints each table, writes them and the chart to a folder.

python examples/benchmarks/run.py
python examples/benchmarks/run.py --only steps dispatch --seconds 3
"""

import argparse
import os
import platform
from pathlib import Path

import dispatch
import episodes
import first_steps
import imports
import jax
import memory
import tables
import train_steps
from contenders import CONTENDERS
from workloads import WORKLOADS

PARTS = ("imports", "dispatch", "steps", "episodes", "first", "memory")


def machine() -> str:
    """The processor, its cores and the versions, in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    versions = f"Python {platform.python_version()}, jax {jax.__version__}"
    if "PyTorch" in CONTENDERS:
        import torch

        versions += f", PyTorch {torch.__version__}"
    return f"{model}, {os.cpu_count()} cores, {jax.default_backend()}; {versions}"


def measure(part: str, contenders: list[str], seconds: float) -> list[tables.Table]:
    match part:
        case "imports":
            return [imports.run()]
        case "dispatch":
            return [dispatch.recording(), dispatch.cold()]
        case "steps":
            return [train_steps.run(list(WORKLOADS), contenders, seconds)]
        case "episodes":
            return [episodes.run()]
        case "first":
            return [first_steps.run(list(WORKLOADS), ["by hand", "jaxtorch"])]
        case _:
            return [memory.run([name for name in contenders if name != "torch.compile"])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--skip", nargs="*", default=[], metavar="CONTENDER")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each training step")
    parser.add_argument("--out", metavar="FOLDER", default="runs/benchmarks")
    args = parser.parse_args()
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    contenders = [name for name in CONTENDERS if name not in args.skip]
    print(machine())
    report = [machine()]
    for part in args.only:
        for table in measure(part, contenders, args.seconds):
            tables.print_table(table)
            report.append(f"## {table.title}\n\n{table.markdown()}")
            if part == "steps":
                tables.save_chart(table, "by hand", out / "steps.png")
    (out / "report.md").write_text("\n\n".join(report) + "\n")
    print(f"wrote {out / 'report.md'}")


if __name__ == "__main__":
    main()
