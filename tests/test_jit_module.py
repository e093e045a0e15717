"""torch.jit, torch.compiler, torch.futures and torch.multiprocessing as programs use them."""

import operator
import os
import typing
from typing import Optional

import pytest

import jaxtorch as torch
from jaxtorch import compiler, futures, jit, multiprocessing, nn


def test_what_is_scripted_or_traced_is_itself():
    net = nn.Linear(2, 2).eval()
    assert jit.script(net) is jit.trace(net, torch.ones(1, 2)) is jit.freeze(net) is net
    with pytest.raises(RuntimeError, match="eval mode"):
        jit.freeze(net.train())

    @jit.script
    def double(x):
        if x.sum() > 0:  # a branch on values, which no trace would keep
            return x * 2
        return x

    assert double(torch.ones(1)).item() == 2 and double(-torch.ones(1)).item() == -1
    assert not isinstance(net, jit.ScriptModule)
    assert not jit.is_scripting() and not jit.is_tracing()
    with pytest.raises(AttributeError, match="torch.jit.load is left out.*state_dict"):
        jit.load("net.pt")


def test_marks_leave_functions_alone():
    def f():
        return 1

    for mark in (jit.ignore, jit.export, jit.unused, jit.ignore(drop=True), compiler.disable,
                 compiler.disable(recursive=False), compiler.allow_in_graph,
                 torch._dynamo.disable):  # fmt: skip
        assert mark(f) is f
    assert not compiler.is_compiling()
    with pytest.raises(NotImplementedError, match="force_eager"):
        compiler.set_stance("force_eager")


def test_types_to_annotate_with():
    from jaxtorch.jit.annotations import List  # noqa: UP035

    assert List is typing.List  # noqa: UP006


def test_jit_is_also_jaxtorchs_own():
    assert torch.jit(lambda x: x + 1)(torch.ones(2)).tolist() == [2, 2]
    assert torch.jit is jit


def test_isinstance_looks_inside():
    assert jit.isinstance([1, 2], list[int]) and not jit.isinstance([1, "a"], list[int])
    assert jit.isinstance({"a": 1.0}, dict[str, float])
    assert jit.isinstance(None, Optional[int]) and jit.isinstance(3, int | None)  # noqa: UP045
    assert not jit.isinstance((1, "a"), tuple[int, int])
    assert jit.annotate(list[int], []) == []


def test_futures():
    forked = jit.fork(lambda a: a + 1, 2)
    assert jit.wait(forked) == 3 and forked.done()
    first, second = futures.Future(), futures.Future()
    both = futures.collect_all([first, second])
    after = first.then(lambda f: f.value() * 10)
    first.set_result(1)
    assert after.wait() == 10 and not both.done()
    second.set_result(2)
    assert futures.wait_all([first, second]) == [1, 2] and both.done()
    with pytest.raises(ZeroDivisionError):
        jit.wait(jit.fork(lambda: 1 // 0))
    with pytest.raises(RuntimeError, match="mark a completed Future"):
        second.set_result(3)


def test_spawn():
    # Functions that a child finds without this file.
    with pytest.raises(multiprocessing.ProcessRaisedException, match="division by zero") as raised:
        multiprocessing.spawn(operator.truediv, (0,))
    assert raised.value.error_index == 0
    started = multiprocessing.spawn(os._exit, nprocs=2, join=False)  # with their number as code
    assert isinstance(started, multiprocessing.ProcessContext) and len(started.pids()) == 2
    with pytest.raises(multiprocessing.ProcessExitedException, match="exit code 1") as exited:
        while not started.join():
            pass
    assert (exited.value.error_index, exited.value.exit_code) == (1, 1)
    with pytest.raises(AssertionError, match="no sharing strategy"):
        multiprocessing.set_sharing_strategy("telepathy")


def test_annotations_of_scripted_functions():
    from jaxtorch.jit.annotations import BroadcastingList2

    def pooled(size: BroadcastingList2[int]):
        return size

    assert jit.isinstance(3, pooled.__annotations__["size"])
    assert jit.isinstance([3, 4], pooled.__annotations__["size"])
    assert jit._script_if_tracing(pooled) is pooled
