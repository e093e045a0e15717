"""What a training step holds: parameters and optimizer state once, live gradients once."""

import gc

import jax
import pytest

import jaxtorch as torch
import jaxtorch.nn as nn
from jaxtorch.engine import evaluate

WIDTH = 256  # so that the parameters dwarf a batch of two


def wide():
    torch.manual_seed(0)
    return nn.Sequential(*(nn.Linear(WIDTH, WIDTH) for _ in range(4)))


def held() -> int:
    gc.collect()
    return sum(array.nbytes for array in jax.live_arrays())


MAKE = {
    "SGD": (lambda p: torch.optim.SGD(p, lr=0.01), 1),
    "momentum": (lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9), 2),
    "Adam": (lambda p: torch.optim.Adam(p), 3),
}


@pytest.mark.parametrize("name", MAKE)
def test_memory_of_a_step(name):
    make, copies = MAKE[name]
    before = held()
    model = wide()
    size = sum(p.nbytes for p in model.parameters())
    optimizer, x = make(model.parameters()), torch.ones(2, WIDTH)
    for _ in range(5):
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()
    # Between steps: parameters and state, and the gradients that ``.grad`` still holds.
    assert (held() - before) / size < copies + 1 + 0.1
    structure = next(reversed(evaluate.STRUCTURES.values()))
    (program,) = {id(p): p for p in structure.programs.values()}.values()
    memory = program.compiled.memory_analysis()
    # Within one: what replaces an argument is written where the argument was.
    assert memory.alias_size_in_bytes / size > copies - 0.1
    inside = memory.argument_size_in_bytes + memory.output_size_in_bytes
    inside += memory.temp_size_in_bytes - memory.alias_size_in_bytes
    assert inside / size < copies + 1 + 0.5
    optimizer.zero_grad()
    assert (held() - before) / size < copies + 0.1
