"""Seconds that `import jaxtorch` takes beyond JAX, Flax and optax, each in a new process.

python examples/benchmarks/imports.py
"""

import statistics
import subprocess
import sys
import time

from tables import Table, print_table

GROUND = "import jax, flax.nnx, optax"


def seconds(program: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def run(rounds: int = 7) -> Table:
    programs = [GROUND, f"{GROUND}; import jaxtorch"]
    for program in programs:
        seconds(program)
    times = [[seconds(program) for program in programs] for _ in range(rounds)]
    ground, ours = (round(statistics.median(column), 2) for column in zip(*times, strict=True))
    row = [ground, ours, round(ours - ground, 2)]
    return Table("Import, s", [f"`{GROUND}`", "and `jaxtorch`", "difference"], [row])


if __name__ == "__main__":
    print_table(run())
