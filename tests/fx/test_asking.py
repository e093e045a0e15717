"""While something is captured torch's functions ask for proxies; afterwards they are as before."""

import gc
import threading

import pytest

import jaxtorch as torch
from jaxtorch.fx import _asking


def codes() -> list:
    return [
        (function.__code__, function.__defaults__, function.__kwdefaults__)
        for function in _asking._functions()
    ] + [vars(cls)[name] for cls, name, _, _ in _asking._methods()]


@pytest.fixture(autouse=True)
def nothing_stays():
    torch.relu(torch.ones(1)), torch.add(1, torch.ones(1))  # an op's first call changes its code
    before = codes()
    yield
    gc.collect()
    assert codes() == before


def test_a_trace_leaves_functions_as_they_were():
    torch.fx.symbolic_trace(lambda x: torch.relu(x) + torch.ones(1))


def test_a_trace_that_fails_does_too():
    with pytest.raises(torch.fx.proxy.TraceError):
        torch.fx.symbolic_trace(lambda x: x if torch.relu(x) else x)
    assert "__getattribute__" not in vars(torch.nn.Module)


def test_a_proxy_of_a_node_has_them_ask_as_long_as_it_lives():
    graph = torch.fx.Graph()
    proxy = torch.fx.Proxy(graph.placeholder("x"))
    assert _asking._askers == 1
    assert torch.cat([proxy, proxy], dim=1).node.kwargs == {"dim": 1}
    del proxy
    gc.collect()
    assert _asking._askers == 0


def test_traces_within_traces():
    def inner(x):
        return torch.sin(x)

    def outer(x):
        assert "torch.sin(x)" in torch.fx.symbolic_trace(inner).code
        return torch.cos(x)

    assert "torch.cos(x)" in torch.fx.symbolic_trace(outer).code


def test_other_threads_compute_meanwhile():
    found, at_work, done = [], threading.Event(), threading.Event()

    def compute():
        at_work.wait()
        found.append((torch.relu(torch.tensor([-1.0, 2.0])) + 1).tolist())
        done.set()

    def f(x):
        at_work.set()
        done.wait(10)
        return torch.relu(x)

    thread = threading.Thread(target=compute)
    thread.start()
    gm = torch.fx.symbolic_trace(f)
    thread.join()
    assert found == [[1.0, 3.0]] and "torch.relu(x)" in gm.code


def test_what_is_not_there_raises():
    graph = torch.fx.Graph()
    with pytest.raises(NotImplementedError, match="record_func"):
        graph.python_code("self", record_func=True)
    with pytest.raises(NotImplementedError, match="Node.normalized_arguments"):
        graph.placeholder("x").normalized_arguments(torch.nn.Module())
    with pytest.raises(AttributeError, match="torch.fx.traceback is left out"):
        torch.fx.traceback  # noqa: B018
    assert torch.fx.has_side_effect(len) is len
