"""The first runs of a small kernel: NumPy does what XLA would do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jaxtorch as torch
from jaxtorch.engine import cold
from tests.engine.programs import forced
from tests.engine.test_counts import no_compilation

X = np.array([[0.5, -1.5, 2.0, np.nan], [3.0, -0.0, np.inf, 1.0]], np.float32)
Y = np.array([[1.0, 2.0, -0.5, 1.0], [0.25, 4.0, 2.0, -3.0]], np.float32)
N = np.array([[3, -2, 7, 0], [1, 5, -4, 2]], np.int64)
B = N > 1

FUNCTIONS = {
    "arithmetic": lambda x, y, n, b: (x + y, x - y, x * y, x / y, -x, n * n - n, lax.rem(x, y)),
    "compared": lambda x, y, n, b: (x < y, n == 2, jnp.maximum(x, y), jnp.minimum(n, 1), x != x),
    "functions": lambda x, y, n, b: (
        jnp.arctan(x), jnp.arcsin(y / 9), jnp.sinh(y), lax.erf(x),
        jnp.exp(x), jnp.log1p(jnp.abs(y)), jnp.tanh(x), lax.rsqrt(jnp.abs(y)), jnp.sign(x),
        lax.logistic(y * 100), jnp.floor(x), jnp.round(y), x**3, jnp.arctan2(x, y), lax.square(y),
    ),
    "truth": lambda x, y, n, b: (b & ~b, b | b, b ^ b, jnp.isfinite(x), jnp.where(b, x, 0)),
    "shapes": lambda x, y, n, b: (
        x.T, x.reshape(4, 2), x[None, :, 1:3], x[:, ::-1], x[:, ::2], jnp.tile(y[0], (3, 1)),
        lax.pad(y, jnp.float32(9), [(1, 0, 0), (0, 2, 1)]), jnp.concatenate([x, y], 1),
        lax.stack([x, y], axis=1), *lax.unstack(n, axis=1), *jnp.split(x, [1, 3], 1),
        jnp.arange(4)[None] + n, lax.clamp(jnp.float32(-1), x, jnp.float32(1)),
    ),
    "sums": lambda x, y, n, b: (
        y.sum(0), n.sum(), y.prod(1), x.max(1), y.min(), b.any(1), b.all(), y.argmax(1),
        x.argmin(1), lax.cumsum(y, 1), lax.cumsum(n, 1, reverse=True), lax.cummax(y, 0),
    ),
    "windows": lambda x, y, n, b: (
        lax.dynamic_slice(y, (n[0, 0], n[0, 1]), (1, 2)),
        lax.dynamic_update_slice(y, y[:1, :2], (n[0, 0], n[0, 0])),
    ),
    "products": lambda x, y, n, b: (
        y @ y.T, jnp.einsum("ij,kj->ik", y, y), jnp.einsum("bi,bj->bij", y, y),
        jnp.vdot(y[0], y[1]),
    ),
    "casts": lambda x, y, n, b: (
        n.astype("float32"), x.astype("float64"), y.astype(bool), b.astype("int32"),
        x.astype("int32"), (y * 1e30).astype("int64"), (x * 99).astype("uint8"), y.astype("int64"),
    ),
    "indices": lambda x, y, n, b: (
        y[jnp.array([1, 0, 1])], y[:, jnp.array([3, -1])], y[jnp.array([0, 5])], y[n[0, 3]],
        y.at[jnp.array([7, 1])].get(mode="clip"), n.at[jnp.array([4])].get(mode="fill"),
        jnp.take_along_axis(y, n % 4, 1), jnp.take_along_axis(y, n[:1] % 2, 0),
        y[jnp.array([0, 1]), jnp.array([2, 3])], jax.vmap(lambda r, i: r[i])(y, n[:, 0]),
        jax.vmap(lambda r, i: lax.dynamic_slice(r, (i,), (2,)))(y, n[:, 0]),
    ),
    "written": lambda x, y, n, b: (
        y.at[jnp.array([1, 1, 0])].add(2.0), y.at[jnp.array([1, 9])].set(5.0),
        y.at[:, jnp.array([0, 2, 0])].multiply(3.0), n.at[0, jnp.array([1, 2])].min(-5),
        n.at[jnp.array([1]), jnp.array([0])].max(9), y.at[jnp.array([3])].add(1.0, mode="clip"),
        jax.grad(lambda y: (jnp.take_along_axis(y, n % 4, 1) * x[:, :1]).sum())(y),
        jax.vmap(lambda r, i, v: r.at[i].add(v))(y, n[:, :2] % 4, y[:, 1:3]),
    ),
    "sorted": lambda x, y, n, b: (
        jnp.sort(x), jnp.argsort(y, 0), jnp.sort(n, 1, descending=True),
        *lax.sort((n, y), num_keys=1),
    ),
    "whole": lambda x, y, n, b: (
        n // 3, n % 3, lax.div(n, n.T.reshape(2, 4)), lax.rem(n, n.T.reshape(2, 4)),
    ),
    "inner": lambda x, y, n, b: (jax.nn.relu(x), jax.nn.softmax(y), jax.jit(jnp.cos)(y)),
}  # fmt: skip


@pytest.fixture(scope="module")
def expected():
    """What XLA makes of all of them, in one program."""
    with jax.enable_x64(True):
        program = jax.jit(lambda *a: {name: f(*a) for name, f in FUNCTIONS.items()})
        return jax.tree.map(np.asarray, program(X, Y, N, B))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpy_does_what_xla_does(name, expected):
    with jax.enable_x64(True):
        run = cold.plan(jax.make_jaxpr(FUNCTIONS[name])(X, Y, N, B))
    assert run is not None
    found = [cold.owned(made) for made in run([X, Y, N, B])]
    for mine, theirs in zip(found, expected[name], strict=True):
        assert mine.dtype == theirs.dtype and mine.flags.owndata
        np.testing.assert_allclose(mine, theirs, 2e-6, 1e-7)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, n: lax.fori_loop(0, 3, lambda i, x: x * 2, x),
        lambda x, n: lax.sort((n, x), num_keys=2),
        lambda x, n: jnp.linalg.cholesky(x[:, :2]),
        lambda x, n: x.astype("bfloat16") + 1,
        lambda x, n: jnp.tile(x, (1000, 100)),
        lambda x, n: n[:, :0].max(1, initial=0),
    ],
)
def test_what_numpy_does_otherwise_is_left_to_xla(function):
    with jax.enable_x64(True):
        assert cold.plan(jax.make_jaxpr(function)(X, N)) is None


def test_new_shapes_compile_nothing():
    def run(n):
        x = torch.ones(n, requires_grad=True)
        loss = (torch.stack([x * i for i in range(3)]).tanh().mean(0) * x).sum()
        loss.backward()
        return x.grad.sum().item()

    run(4)
    with no_compilation():
        assert abs(run(5) - 5 * run(4) / 4) < 1e-5


def test_what_is_held_afterwards_is_an_array_of_its_own():
    with forced("interpret"):
        x = torch.arange(6.0, requires_grad=True)
        turned = (x * 2).view(2, 3).t()
        columns, least = turned.unbind(1), turned.min(0)
        loss = (turned * turned).sum() + least.values.sum()
        loss.backward(retain_graph=True)
        first = x.grad.clone()
        loss.backward()
        held = [turned, *columns, *least, loss, first, x.grad]
        assert all(isinstance(h.jax(), jax.Array) for h in held)
    assert turned.tolist() == [[0, 6], [2, 8], [4, 10]] and columns[1].tolist() == [6, 8, 10]
    assert least.values.tolist() == [0, 6] and least.indices.tolist() == [0, 0]
    assert first.tolist() == [2, 8, 16, 26, 32, 40]
    assert x.grad.tolist() == (2 * first).tolist()
