"""torch.multiprocessing: how its processes start, and what they give back."""

import multiprocessing
import os

import pytest

import jaxtorch as torch
from jaxtorch import multiprocessing as mp
from jaxtorch.multiprocessing import starting


def double(x):
    return x * 2, os.getpid()


def put(queue, x):
    queue.put(x.sum().item())


class Adder(mp.Process):
    def __init__(self, queue, x):
        super().__init__()
        self.queue, self.x = queue, x

    def run(self):
        put(self.queue, self.x)


@pytest.fixture
def nothing_chosen(monkeypatch):
    context = multiprocessing.context._default_context
    monkeypatch.setattr(context, "_actual_context", None)
    monkeypatch.setattr(starting, "_chosen", None)


def test_the_default_is_never_a_fork(nothing_chosen):
    assert mp.get_start_method() == "forkserver" and mp.get_start_method(allow_none=True) is None
    multiprocessing.get_context()  # makes fork Python's, though nobody has asked for it
    assert mp.get_context().get_start_method() == "forkserver"
    multiprocessing.set_start_method("spawn", force=True)
    assert mp.get_start_method() == "spawn"
    mp.set_start_method("fork", force=True)
    assert mp.get_start_method() == "fork" and mp.get_context().get_start_method() == "fork"
    with pytest.raises(RuntimeError, match="context has already been set"):
        mp.set_start_method("spawn")
    assert mp.get_context("spawn").get_start_method() == "spawn"


def test_everything_of_pythons_is_there():
    assert not [name for name in multiprocessing.__all__ if not hasattr(mp, name)]
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    with pytest.raises(AssertionError, match="'magic' is no sharing strategy"):
        mp.set_sharing_strategy("magic")


def test_pools_queues_and_processes_work_after_jax_has_started(nothing_chosen):
    x = torch.arange(3.0) + 1
    assert x.sum().item() == 6
    with mp.Pool(1) as pool:
        found, pid = pool.apply_async(double, (x,)).get(timeout=60)
    assert found.tolist() == [2, 4, 6] and pid != os.getpid()
    queue = mp.Queue()
    children = [mp.Process(target=put, args=(queue, x)), Adder(queue, x * 10)]
    for child in children:
        child.start()
    assert sorted(queue.get(timeout=60) for _ in children) == [6, 60]
    for child in children:
        child.join(60)
        assert child.exitcode == 0
