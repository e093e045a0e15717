"""Seconds that `import jaxtorch` takes beyond JAX, Flax and optax: the fastest of several runs.

python examples/benchmarks/imports.py
"""

import os
import subprocess
import sys
import tempfile
import time

from tables import Table, print_table

GROUND = "import jax, flax.nnx, optax"


def seconds(program: str, bytecode: str) -> float:
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    return time.perf_counter() - start


def run(rounds: int = 7) -> Table:
    programs = [GROUND, f"{GROUND}; import jaxtorch"]
    with tempfile.TemporaryDirectory() as bytecode:
        for program in programs:
            seconds(program, bytecode)
        times = [[seconds(program, bytecode) for program in programs] for _ in range(rounds)]
    ground, ours = (round(min(column), 2) for column in zip(*times, strict=True))
    row = [ground, ours, round(ours - ground, 2)]
    return Table("Import, s", [f"`{GROUND}`", "and `jaxtorch`", "difference"], [row])


if __name__ == "__main__":
    print_table(run())
