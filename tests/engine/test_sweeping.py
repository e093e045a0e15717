"""The garbage collector waits while a program is traced, and works afterwards."""

import gc
import threading

import pytest

import jaxtorch as torch
from jaxtorch.engine import sweeping


@pytest.fixture
def collections():
    seen = []

    def watch(phase, info):
        seen.append(phase)

    gc.callbacks.append(watch)
    yield seen
    gc.callbacks.remove(watch)


def _litter() -> None:
    kept = [[] for _ in range(5000)]
    assert len(kept) == 5000


def test_no_collection_begins_in_the_block(collections):
    gc.collect()
    collections.clear()
    with sweeping.put_off():
        with sweeping.put_off():
            _litter()
        _litter()
        assert not collections
    _litter()
    assert collections


def test_it_works_again_after_an_error():
    with pytest.raises(KeyError), sweeping.put_off():
        raise KeyError
    assert gc.isenabled()


def test_what_the_program_has_switched_off_stays_off():
    gc.disable()
    try:
        with sweeping.put_off():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_last_of_several_threads_switches_it_on():
    inside, leave = threading.Event(), threading.Event()

    def wait():
        with sweeping.put_off():
            inside.set()
            leave.wait(60)

    other = threading.Thread(target=wait)
    other.start()
    inside.wait(60)
    with sweeping.put_off():
        pass
    assert not gc.isenabled()
    leave.set()
    other.join()
    assert gc.isenabled()


def test_it_works_after_an_evaluation_and_after_a_refused_one():
    assert torch.arange(7.0).cumsum(0).sum().item() == 56
    assert gc.isenabled()
    with pytest.raises(RuntimeError):
        torch.ones(2, 3) @ torch.ones(2, 3)
    assert gc.isenabled()
