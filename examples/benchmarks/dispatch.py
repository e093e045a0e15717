"""Microseconds an op costs Python: recording it, dispatching it in PyTorch, interpreting it cold.

python examples/benchmarks/dispatch.py
"""

import gc
import importlib
import random
import statistics
import time

import jax
from contenders import has_torch
from tables import Table, print_table

CHAIN = 100

OPS = {
    "add": lambda torch, x, w: x + w,
    "mul": lambda torch, x, w: x * w,
    "matmul": lambda torch, x, w: x @ w,
    "relu": lambda torch, x, w: torch.relu(x),
}


def chain(torch, op, grad: bool) -> float:
    """Microseconds an op in a chain of them on 4x4 tensors, nothing being looked at."""
    w = torch.eye(4).requires_grad_(grad)
    x = torch.ones(4, 4).requires_grad_(grad)
    for array in (x, w):
        array.tolist()
    start = time.perf_counter()
    for _ in range(CHAIN):
        x = op(torch, x, w)
    return 1e6 * (time.perf_counter() - start) / CHAIN


def recording(rounds: int = 60) -> Table:
    """Recording by jaxtorch, and PyTorch's eager call of the same op, in turn."""
    libraries = ["jaxtorch"] + ["torch"] * has_torch()
    modules = {name: importlib.import_module(name) for name in libraries}
    rows = []
    gc.disable()
    for grad in (False, True):
        for name, op in OPS.items():
            times = {library: [] for library in libraries}
            for _ in range(rounds):
                for library, module in modules.items():
                    times[library].append(chain(module, op, grad))
            medians = [round(statistics.median(times[library]), 2) for library in libraries]
            ratio = [round(medians[0] / medians[-1], 2)] * (len(libraries) > 1)
            rows.append([name, "with" if grad else "without", *medians, *ratio])
    gc.enable()
    names = ["jaxtorch records"] + ["PyTorch dispatches", "ratio"] * has_torch()
    return Table("An op, us", ["op", "gradient", *names], rows)


def cold(rounds: int = 60, length: int = 50) -> Table:
    """Graphs never seen before, of ops seen before: recorded and interpreted, against jax.jit."""
    import jaxtorch

    bodies = [
        lambda x, w: x + w,
        lambda x, w: x * w,
        lambda x, w: x - w,
        lambda x, w: x / w,
    ]
    jitted = [jax.jit(body) for body in bodies]
    choose = random.Random(0)
    x, w = jaxtorch.rand(8, 8), jaxtorch.rand(8, 8) + 1
    arrays = x.jax(), w.jax()
    times = {"cold": [], "jit": []}
    for _ in range(rounds):
        picks = choose.choices(range(len(bodies)), k=length)
        for name, functions, start in (("cold", bodies, (x, w)), ("jit", jitted, arrays)):
            y, other = start
            began = time.perf_counter()
            for pick in picks:
                y = functions[pick](y, other)
            (y.jax() if name == "cold" else y).block_until_ready()
            times[name].append(1e6 * (time.perf_counter() - began) / length)
    ours, theirs = (round(statistics.median(times[name]), 1) for name in ("cold", "jit"))
    row = ["add, mul, sub, div on 8x8", ours, theirs, round(ours - theirs, 1)]
    head = ["ops", "jaxtorch, cold graph", "cached jax.jit of the op", "difference"]
    return Table("An op of a graph never seen before, us", head, [row])


if __name__ == "__main__":
    print_table(recording())
    print_table(cold())
