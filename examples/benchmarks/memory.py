"""Peak memory of a training step, in multiples of the parameters' own size; Linux only.

Each contender runs in a new process: an MLP wide enough that its 134 MB of parameters dwarf the
activations, with Adam. Parameters and optimizer state once, and gradients once, make 4.

    python examples/benchmarks/memory.py
"""

import gc
import os
import re
import subprocess
import sys
from pathlib import Path

import by_hand
import models
from contenders import CONTENDERS
from tables import Table, print_table
from workloads import ADAM, WORKLOADS, Workload

WIDTH = 2048
WIDE = Workload(
    "wide MLP",
    lambda torch: models.mlp(torch, *[WIDTH] * 9),
    (4, WIDTH),
    WIDTH,
    "Adam",
    ADAM,
    by_hand.mlp,
)
PARAMETERS = 8 * (WIDTH * WIDTH + WIDTH) * 4
CHILD = "--child"


def resident(field: str) -> int:
    """Bytes of this process in memory: VmRSS now, VmHWM at the most since the last reset."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(rf"{field}:\s+(\d+)", status)[1])


def child(contender: str) -> None:
    CONTENDERS[contender](WORKLOADS["MLP 16-32-32-4"])()  # imports and compilers take their share
    gc.collect()
    before = resident("VmRSS")
    step = CONTENDERS[contender](WIDE)
    for _ in range(6):
        step()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    for _ in range(3):
        step()
    print(resident("VmHWM") - before, resident("VmRSS") - before)


def run(contenders: list[str]) -> Table:
    rows = []
    for contender in contenders:
        command = [sys.executable, __file__, CHILD, contender]
        # Large blocks go back to the system when freed, so that the peak counts what is held.

        environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
        output = subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        peak, between = (int(number) / PARAMETERS for number in output.split()[-2:])
        rows.append([contender, round(peak, 2), round(between, 2)])
    head = ["contender", "peak", "between steps"]
    return Table("Memory of a step with Adam, in multiples of the parameters", head, rows)


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        child(*sys.argv[2:])
    else:
        print_table(run([name for name in CONTENDERS if name != "torch.compile"]))
