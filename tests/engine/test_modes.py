"""Interpreted or compiled, the numbers are the same; and the engine says what it did and why."""

import numpy as np
import pytest

import jaxtorch as torch
import jaxtorch.nn as nn
import jaxtorch.nn.functional as F
from jaxtorch import engine
from jaxtorch.ops._op import Array, op
from tests.engine.programs import Counted, data, forced, net, values


def train(steps=3):
    (x, y), norm = data(), nn.BatchNorm1d(3)
    model = nn.Sequential(norm, *net())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(F.dropout(x, 0.25)), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, values(model), norm.running_mean.tolist()


def test_interpreted_and_compiled_agree():
    with forced("interpret"):
        losses, weights, mean = train()
    with forced("compile"):
        losses_compiled, weights_compiled, mean_compiled = train()
    np.testing.assert_allclose(losses, losses_compiled, rtol=1e-5)
    np.testing.assert_allclose(mean, mean_compiled, rtol=1e-5, atol=1e-7)
    for a, b in zip(weights, weights_compiled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("how", ["interpret", "compile"])
def test_a_broadcast_product_of_seven_dimensions_is_summed(how):
    # RAFT's upsampling. XLA's library for such sums ends the process: see kernels.FOR_DEEP.
    g = torch.rand(2, 2, 9, 4, 4, 4, 4)
    mask = torch.rand(2, 1, 9, 4, 4, 4, 4, requires_grad=True)
    flow = torch.rand(2, 2, 9, 1, 1, 4, 4, requires_grad=True)
    with forced(how):
        (mask * flow).backward(g)
        found = mask.grad.numpy(), flow.grad.numpy()
    g, a, b = g.numpy(), mask.detach().numpy(), flow.detach().numpy()
    np.testing.assert_allclose(found[0], (g * b).sum(1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(found[1], (g * a).sum((3, 4), keepdims=True), rtol=1e-5)


def test_forcing_does_what_it_says():
    x = data()[0]
    with forced("interpret"), Counted() as did:
        (x * 2.0 - 1.0).abs().amax().item()
    assert did.compiled == 0 and did.interpreted == 1
    with forced("compile"), Counted() as did:
        (x * 2.0 - 1.0).abs().amin().item()
    assert did.compiled == 1 and did.interpreted == 0


def test_verify_computes_both_ways_and_is_content_where_they_agree():
    with engine.verify():
        losses, _, _ = train()
    np.testing.assert_allclose(losses, train()[0], rtol=1e-5)


def test_verify_names_the_op_and_the_line_that_differ():
    traces = []

    @op
    def unsteady(input: Array):
        """A body that is not pure: each trace of it computes something else."""
        traces.append(1)
        return input + len(traces)

    x = torch.ones(3)
    with (
        engine.verify(),
        pytest.raises(RuntimeError, match=r"unsteady.*test_modes\.py.*unsteady\(x\)"),
    ):
        (unsteady(x) * 2).tolist()


def test_stats_count_up():
    before = engine.stats()
    (data()[0] - 0.5).sum().item()
    after = engine.stats()
    assert set(after) == {
        "structures", "compiled", "interpreted", "evaluations", "seconds_compiling",
    }  # fmt: skip
    assert after["evaluations"] == before["evaluations"] + 1


def last_reason() -> str:
    return engine.explain().splitlines()[-1]


def test_explain_names_the_shape_that_was_new():
    x = data()[0]
    with forced("compile"):
        (x.sin() * 2).cosh().sum().item()
        (x[:3].clone().sin() * 2).cosh().sum().item()
        three = x[:3].clone()
        three.tolist()
        (three.sin() * 2).cosh().sum().item()
    assert "sin got [float32[3,3]] where it got [float32[4,3]]" in engine.explain()


def test_explain_names_the_static_argument_and_the_line():
    x = data()[0]
    with forced("compile"):
        (x.tan() * 3).sum(0).tolist()
        (x.tan() * 3).sum(1).tolist()
    assert "sum has dim=1 where it had dim=0" in last_reason()
    assert "test_modes.py" in last_reason() and "(x.tan() * 3).sum(1).tolist()" in last_reason()


def test_explain_is_short_about_an_op_of_many_inputs():
    """An optimizer's step takes all parameters: the first few say enough, or those that differ."""
    for width in (4, 5):
        params = [torch.ones(3, requires_grad=True) for _ in range(4)]
        params += [torch.ones(width, requires_grad=True) for _ in range(4)]
        with forced("compile"):
            optimizer = torch.optim.Adam(params)
            sum(p.sum() for p in params).backward()
            optimizer.step()
    assert max(map(len, engine.explain().splitlines())) < 500
    assert "key=<function" not in engine.explain()


def test_explain_names_the_op_that_differs():
    x = data()[0]
    with forced("compile"):
        (x.atan() * 3).amax().item()
        (x.atan() * 3).amin().item()
    assert "op 2 is amin where it was amax" in last_reason()


def test_a_graph_that_differs_each_time_sets_off_no_storm_of_compilations():
    """Episodes of unlike lengths: after a while, no whole-graph program any more."""
    torch.manual_seed(0)
    policy = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(policy.parameters(), lr=0.01)
    state = data()[0][0]

    def episode(length):
        total = 0.0
        for i in range(length):
            total = total + policy(state * (1.0 + i)).log_softmax(0)[i % 2]
        optimizer.zero_grad()
        (-total / length).backward()
        optimizer.step()

    for length in (3, 7, 5, 9, 4, 11, 6, 8, 10, 12):
        episode(length)
    with Counted() as did:
        for length in (13, 14, 15, 16):
            episode(length)
    assert did.compiled <= 1
