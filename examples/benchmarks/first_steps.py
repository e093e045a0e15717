"""Seconds until a loop is hot: every step up to the first one at full speed, each in a new process.

Twice a contender: with JAX's compilation cache empty, and with what the first run left there.

    python examples/benchmarks/first_steps.py LeNet
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from contenders import CONTENDERS
from tables import Table, print_table
from workloads import WORKLOADS

STEPS = 14
CHILD = "--child"


def until_hot(times: list[float]) -> float:
    """The sum of the steps before the loop runs at the pace that it has at the end."""
    hot = statistics.median(times[-4:])
    last_slow = max((i for i, t in enumerate(times) if t > 2 * hot + 5e-3), default=-1)
    return sum(times[: last_slow + 2])


def child(name: str, contender: str) -> None:
    step = CONTENDERS[contender](WORKLOADS[name])
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(json.dumps(times))


def in_new_process(name: str, contender: str, cache: str) -> float:
    environment = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    command = [sys.executable, __file__, CHILD, name, contender]
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return until_hot(json.loads(run.stdout.splitlines()[-1]))


def run(names: list[str], contenders: list[str]) -> Table:
    rows = []
    for name in names:
        cold, warm = {}, {}
        for contender in contenders:
            with tempfile.TemporaryDirectory() as cache:
                cold[contender] = in_new_process(name, contender, cache)
                warm[contender] = in_new_process(name, contender, cache)
        hand = cold["by hand"]
        row = [name]
        for contender in contenders:
            row += [round(cold[contender], 2), round(warm[contender], 2)]
        row += [round(cold["jaxtorch"] / hand, 2), round(warm["jaxtorch"] / hand, 2)]
        rows.append(row)
        print("  ".join(map(str, row)), flush=True)
    head = [f"{contender}, {cache}" for contender in contenders for cache in ("cold", "warm")]
    ratios = ["jaxtorch cold / by hand cold", "jaxtorch warm / by hand cold"]
    return Table("Until the loop is hot, s", ["workload", *head, *ratios], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS), metavar="WORKLOAD")
    parser.add_argument("--with", nargs="*", default=[], dest="others", metavar="CONTENDER")
    args = parser.parse_args()
    print_table(run(args.workloads, ["by hand", "jaxtorch", *args.others]))


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        child(*sys.argv[2:])
    else:
        main()
