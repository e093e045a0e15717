"""Clipping, parameters as vectors, padded and packed sequences, beside torch's."""

from __future__ import annotations

import numpy as np
import pytest

import jaxtorch
from tests import oracle
from tests.nn.programs import complaint

needs_torch = pytest.mark.skipif(oracle.torch is None, reason="real PyTorch is not installed")


def net_with_gradients(library):
    library.manual_seed(0)
    net = library.nn.Sequential(library.nn.Linear(3, 4), library.nn.Linear(4, 2))
    draw = np.random.RandomState(0)
    for p in list(net.parameters())[:3]:
        p.grad = library.from_numpy(draw.randn(*p.shape).astype(np.float32))
    return net


def gradients(net):
    return [None if p.grad is None else p.grad.numpy().copy() for p in net.parameters()]


@needs_torch
@pytest.mark.parametrize("norm_type", [2, 1, 3.0, float("inf"), 0])
@pytest.mark.parametrize("max_norm", [1.0, 1e6])
def test_clip_grad_norm(norm_type, max_norm):
    seen = []
    for library in (jaxtorch, oracle.torch):
        net = net_with_gradients(library)
        utils = library.nn.utils
        norm = utils.clip_grad_norm_(net.parameters(), max_norm, norm_type)
        seen.append([norm.item(), gradients(net)])
        seen[-1].append(utils.clip_grad_norm_(net[1].weight, 0.1).item())
    (mine, grads, one), (theirs, expected, their_one) = seen
    np.testing.assert_allclose([mine, one], [theirs, their_one], rtol=1e-5)
    for a, b in zip(grads, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-5)


def test_the_gradient_stays_the_same_tensor():
    net = net_with_gradients(jaxtorch)
    grad = net[0].weight.grad
    jaxtorch.nn.utils.clip_grad_norm_(net.parameters(), 0.5)
    assert net[0].weight.grad is grad
    total = jaxtorch.nn.utils.get_total_norm(
        [p.grad for p in net.parameters() if p.grad is not None]
    )
    np.testing.assert_allclose(total.item(), 0.5, rtol=1e-5)


def test_clip_grad_value():
    net = net_with_gradients(jaxtorch)
    before = gradients(net)
    jaxtorch.nn.utils.clip_grad_value_(net.parameters(), 0.3)
    for a, b in zip(gradients(net), before, strict=True):
        if b is not None:
            np.testing.assert_allclose(a, np.clip(b, -0.3, 0.3))


def test_nothing_to_clip():
    assert jaxtorch.nn.utils.clip_grad_norm_([], 1.0).item() == 0
    with pytest.warns(UserWarning, match="empty generator"):
        jaxtorch.nn.utils.clip_grad_norm_((p for p in ()), 1.0)


def test_not_finite():
    p = jaxtorch.nn.Parameter(jaxtorch.zeros(2))
    p.grad = jaxtorch.tensor([1.0, float("inf")])
    text = complaint(lambda: jaxtorch.nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True))
    assert text.startswith("RuntimeError: The total norm of order 2.0 for gradients")


def test_parameters_as_a_vector():
    utils, net = jaxtorch.nn.utils, net_with_gradients(jaxtorch)
    vector = utils.parameters_to_vector(net.parameters())
    assert vector.shape == (3 * 4 + 4 + 4 * 2 + 2,) and vector.requires_grad
    twin = net_with_gradients(jaxtorch)
    utils.vector_to_parameters(vector * 2, twin.parameters())
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(p.detach().numpy() * 2, q.detach().numpy())
        assert q.is_leaf and q.requires_grad


def sequences(library):
    rnn = library.nn.utils.rnn
    parts = [library.arange(n * 2).reshape(n, 2).float() + n for n in (2, 4, 1)]
    seen = [
        rnn.pad_sequence(parts),
        rnn.pad_sequence(parts, batch_first=True, padding_value=-1.0, padding_side="left"),
        *rnn.unpad_sequence(rnn.pad_sequence(parts), library.tensor([2, 4, 1])),
    ]
    packed = rnn.pack_sequence(parts, enforce_sorted=False)
    seen += list(packed)
    seen += list(rnn.pad_packed_sequence(packed))
    seen += list(rnn.pad_packed_sequence(packed, batch_first=True, padding_value=9, total_length=5))
    seen += rnn.unpack_sequence(packed)
    padded = library.arange(12.0).reshape(2, 3, 2)
    seen += list(rnn.pack_padded_sequence(padded, [3, 1], batch_first=True))[:2]
    texts = [
        complaint(lambda: rnn.pack_padded_sequence(padded, [1, 2, 3], batch_first=True)),
        complaint(lambda: rnn.pack_padded_sequence(padded, [1, 3], batch_first=True)),
        complaint(lambda: rnn.pack_padded_sequence(padded, [3, 0], batch_first=True)),
        complaint(lambda: rnn.pad_packed_sequence(packed, total_length=1)),
    ]
    return [x.numpy() for x in seen], texts


def test_sequences():
    mine, texts = sequences(jaxtorch)
    np.testing.assert_array_equal(mine[0][:, 2], [[1, 2], [0, 0], [0, 0], [0, 0]])
    assert all("Error" in text for text in texts)
    if oracle.torch is not None:
        theirs, their_texts = sequences(oracle.torch)
        for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
            np.testing.assert_array_equal(a, b, err_msg=str(i))
        assert [t[:60] for t in texts] == [t[:60] for t in their_texts]


def test_gradients_reach_what_was_packed():
    rnn = jaxtorch.nn.utils.rnn
    x = jaxtorch.ones(3, 2, 1, requires_grad=True)
    packed = rnn.pack_padded_sequence(x, [3, 1])
    padded, _ = rnn.pad_packed_sequence(packed._replace(data=packed.data * 2))
    padded.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy()[:, :, 0], [[2, 2], [2, 0], [2, 0]])


@pytest.mark.parametrize(
    "sequences, error, text",
    [
        ([], RuntimeError, "received an empty list of sequences"),
        (3, RuntimeError, "Expected iterable for input sequences, but got arg of type: <class 'i"),
        ([1], TypeError, "expected Tensor as element 0 in argument 0, but got int"),
    ],
)
def test_what_are_no_sequences(sequences, error, text):
    with pytest.raises(error, match=text):
        jaxtorch.nn.utils.rnn.pad_sequence(sequences)
    with pytest.raises(RuntimeError, match="one of left or right, but got up"):
        jaxtorch.nn.utils.rnn.pad_sequence(sequences, padding_side="up")
