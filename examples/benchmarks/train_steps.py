"""Milliseconds of a whole training step, the contenders in turn in the same minutes.

python examples/benchmarks/train_steps.py LeNet "LSTM 128" --skip torch.compile
"""

import argparse
import gc
import statistics
import time

from contenders import CONTENDERS
from tables import Table, print_table
from workloads import WORKLOADS

WARM_STEPS = 12


def measure(name: str, contenders: list[str], seconds: float) -> dict[str, dict[str, float]]:
    """For each contender the median step in ms and the loss after the warm steps."""
    steps = {contender: CONTENDERS[contender](WORKLOADS[name]) for contender in contenders}
    results = {}
    for contender, step in steps.items():
        losses = [step() for _ in range(WARM_STEPS)]
        results[contender] = {"loss": losses[-1]}
    slowest = max(_time(step) for step in steps.values())
    block = max(1, min(50, int(0.05 / slowest)))
    times = {contender: [] for contender in contenders}
    end = time.perf_counter() + seconds
    gc.collect()
    while time.perf_counter() < end or len(times[contenders[0]]) < 3 * block:
        for contender, step in steps.items():
            step()  # the other contender's threads and caches give way
            times[contender] += [_time(step) for _ in range(block)]
    for contender in contenders:
        results[contender]["ms"] = 1e3 * statistics.median(times[contender])
    return results


def _time(step) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def run(names: list[str], contenders: list[str], seconds: float) -> Table:
    rows = []
    for name in names:
        results = measure(name, contenders, seconds)
        hand = results["by hand"]["ms"]
        row = [name] + [round(results[contender]["ms"], 2) for contender in contenders]
        row.append(round(results["jaxtorch"]["ms"] / hand, 2))
        if "PyTorch" in results:
            row.append(round(results["jaxtorch"]["ms"] / results["PyTorch"]["ms"], 2))
        losses = [results[contender]["loss"] for contender in contenders]
        row.append(f"{(max(losses) - min(losses)) / max(losses):.0e}")
        rows.append(row)
        print("  ".join(map(str, row)), flush=True)
    ratios = ["jaxtorch / by hand"] + ["jaxtorch / PyTorch"] * ("PyTorch" in contenders)
    return Table(
        "A training step, ms", ["workload", *contenders, *ratios, "losses differ by"], rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS), metavar="WORKLOAD")
    parser.add_argument("--skip", nargs="*", default=[], metavar="CONTENDER")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each workload")
    args = parser.parse_args()
    contenders = [name for name in CONTENDERS if name not in args.skip]
    print_table(run(args.workloads, contenders, args.seconds))


if __name__ == "__main__":
    main()
