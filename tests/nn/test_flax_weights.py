"""Weights between our layers and flax's: the same numbers in, the same numbers out."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxtorch as torch
from jaxtorch import nn
from jaxtorch.interop.flax_weights import load_flax, to_flax

RNGS = nnx.Rngs(0)


def last(x):
    """Channels last, as flax has them."""
    return np.moveaxis(x, 1, -1)


def same(x):
    return x


# our layer, flax's, the shape of an input (ours), and how flax has inputs
CASES = [
    (lambda: nn.Linear(3, 4), lambda: nnx.Linear(3, 4, rngs=RNGS), (2, 3), same),
    (lambda: nn.Linear(3, 4, bias=False), lambda: nnx.Linear(3, 4, use_bias=False, rngs=RNGS),
     (2, 3), same),
    (lambda: nn.Conv1d(4, 6, 3, padding=1, groups=2),
     lambda: nnx.Conv(4, 6, (3,), padding=1, feature_group_count=2, rngs=RNGS), (2, 4, 5), last),
    (lambda: nn.Conv2d(3, 4, (2, 3)), lambda: nnx.Conv(3, 4, (2, 3), padding=0, rngs=RNGS),
     (2, 3, 5, 6), last),
    (lambda: nn.ConvTranspose2d(3, 4, 2, stride=2),
     lambda: nnx.ConvTranspose(3, 4, (2, 2), (2, 2), padding="VALID", rngs=RNGS),
     (2, 3, 4, 5), last),
    (lambda: nn.BatchNorm2d(3).eval(),
     lambda: nnx.BatchNorm(3, use_running_average=True, rngs=RNGS), (2, 3, 4, 4), last),
    (lambda: nn.LayerNorm(4, eps=1e-6), lambda: nnx.LayerNorm(4, rngs=RNGS), (2, 4), same),
    (lambda: nn.GroupNorm(2, 4, eps=1e-6), lambda: nnx.GroupNorm(4, 2, rngs=RNGS), (2, 4, 3), last),
    (lambda: nn.RMSNorm(4, eps=1e-6), lambda: nnx.RMSNorm(4, rngs=RNGS), (2, 4), same),
]  # fmt: skip


@pytest.mark.parametrize(("make", "theirs", "shape", "turn"), CASES)
def test_both_ways(make, theirs, shape, turn):
    ours, fresh, theirs = make(), make(), theirs()
    for p in (*ours.parameters(), *ours.buffers()):
        if p.is_floating_point():
            p.data = torch.rand_like(p) + 0.5
    x = np.random.RandomState(0).randn(*shape).astype(np.float32)
    expected = turn(ours(torch.from_numpy(x)).detach().numpy())
    nnx.update(theirs, to_flax(ours))
    np.testing.assert_allclose(theirs(turn(x)), expected, 1e-5, 1e-5)
    load_flax(fresh, nnx.to_pure_dict(nnx.state(theirs)))
    found = turn(fresh(torch.from_numpy(x)).detach().numpy())
    np.testing.assert_allclose(found, expected, 1e-6, 1e-6)


def test_embedding():
    ours, theirs = nn.Embedding(5, 3), nnx.Embed(5, 3, rngs=RNGS)
    load_flax(ours, nnx.to_pure_dict(nnx.state(theirs)))
    np.testing.assert_array_equal(
        ours(torch.tensor([1, 4])).detach().numpy(), theirs(jnp.array([1, 4]))
    )


@pytest.mark.parametrize("sizes", [{}, {"kdim": 6, "vdim": 5}])
def test_attention(sizes):
    ours = nn.MultiheadAttention(8, 2, batch_first=True, **sizes).eval()
    q, k, v = (torch.randn(2, 3, n) for n in (8, sizes.get("kdim", 8), sizes.get("vdim", 8)))
    if not sizes:
        theirs = nnx.MultiHeadAttention(2, 8, rngs=RNGS, decode=False, deterministic=True)
        nnx.update(theirs, to_flax(ours))
        found = theirs(*(x.jax() for x in (q, k, v)))
        np.testing.assert_allclose(found, ours(q, k, v)[0].detach().numpy(), 1e-5, 1e-5)
    fresh = nn.MultiheadAttention(8, 2, batch_first=True, **sizes).eval()
    load_flax(fresh, to_flax(ours))
    assert torch.equal(fresh(q, k, v)[0], ours(q, k, v)[0])


def test_a_linen_network():
    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.Conv(4, (3, 3), name="conv")(x)
            x = linen.BatchNorm(use_running_average=True, name="bn")(x)
            return linen.Dense(2, name="head")(x.mean((1, 2)))

    x = np.random.RandomState(0).randn(2, 5, 5, 3).astype(np.float32)
    variables = Net().init(jax.random.key(0), x)
    net = nn.Sequential()
    net.add_module("conv", nn.Conv2d(3, 4, 3, padding=1))
    net.add_module("bn", nn.BatchNorm2d(4))
    net.add_module("pool", nn.AdaptiveAvgPool2d(1))
    net.add_module("flat", nn.Flatten())
    net.add_module("head", nn.Linear(4, 2))
    load_flax(net.eval(), variables)
    found = net(torch.from_numpy(np.moveaxis(x, -1, 1).copy())).detach().numpy()
    np.testing.assert_allclose(found, Net().apply(variables, x), 1e-4, 1e-5)


def test_what_does_not_fit():
    net = nn.Sequential(nn.Linear(2, 3))
    with pytest.raises(KeyError, match="no weights for 0"):
        load_flax(net, {})
    with pytest.raises(KeyError, match="no bias for 0"):
        load_flax(net, {"0": {"kernel": np.zeros((2, 3))}})
    with pytest.raises(ValueError, match=r"0.weight is \[3, 2\], and flax's weights make it"):
        load_flax(net, {0: {"kernel": np.zeros((3, 2)), "bias": np.zeros(3)}})
    with pytest.raises(NotImplementedError, match="PReLU at 1 has parameters of its own"):
        to_flax(nn.Sequential(nn.Linear(2, 2), nn.PReLU()))
