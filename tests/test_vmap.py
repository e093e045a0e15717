"""torch.vmap: dimensions, randomness, chunks, gradients and what is refused; rearrange."""

import pytest

import jaxtorch as torch
from jaxtorch import func, nn

BATCH = torch.arange(6.0).reshape(2, 3)


def test_dimensions_in_and_out():
    assert torch.vmap(lambda x: x * 2, in_dims=-1)(BATCH).shape == (3, 2)
    added = torch.vmap(lambda x, y: x + y, in_dims=(0, None), out_dims=-1)(BATCH, 1)
    assert added.tolist() == (BATCH + 1).T.tolist()
    nested = torch.vmap(lambda d: (d["a"] * 2, [d["b"]]), in_dims=({"a": 0, "b": None},))
    doubled, (kept,) = nested({"a": BATCH, "b": torch.ones(1)})
    assert doubled.shape == (2, 3) and kept.shape == (2, 1)
    two = torch.vmap(lambda x: (x, x.sum()), out_dims=(1, 0))(BATCH)
    assert two[0].shape == (3, 2) and two[1].shape == (2,)
    assert torch.vmap(torch.vmap(lambda x: x + 1))(BATCH).tolist() == (BATCH + 1).tolist()


def test_chunks():
    seen = []

    def f(x):
        seen.append(1)
        return x.exp()

    whole = torch.arange(5.0)
    assert torch.vmap(f, chunk_size=2)(whole).allclose(whole.exp())
    assert len(seen) == 3
    with pytest.raises(ValueError, match=r"greater than 0. \(got 0\)"):
        torch.vmap(f, chunk_size=0)


def test_randomness():
    torch.manual_seed(0)
    rows = torch.vmap(lambda x: torch.rand(2), randomness="different")(torch.ones(3))
    torch.manual_seed(0)
    assert rows.tolist() == torch.rand(3, 2).tolist()
    same = torch.vmap(lambda x: x + torch.randn(2), randomness="same")(torch.zeros(3))
    assert same[0].tolist() == same[1].tolist()
    noisy = torch.vmap(lambda x: nn.functional.dropout(x), randomness="different")
    masks = noisy(torch.ones(4, 64)).tolist()
    assert len({tuple(mask) for mask in masks}) == 4
    with pytest.raises(RuntimeError, match="called random operation while in randomness error"):
        torch.vmap(lambda x: torch.rand(1))(torch.ones(2))
    with pytest.raises(RuntimeError, match="Only allowed values for randomness"):
        torch.vmap(lambda x: x, randomness="wild")(torch.ones(2))
    staged = torch.jit(lambda x: torch.vmap(lambda x: torch.rand(2), randomness="different")(x))
    drawn = staged(torch.ones(3)).tolist()
    assert drawn[0] != drawn[1]


def test_gradients_flow_to_the_arguments():
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x = BATCH.clone().requires_grad_()
    torch.vmap(lambda x, w: (x * w).sum() ** 2, in_dims=(0, None))(x, w).sum().backward()
    expected = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    ((BATCH * expected).sum(1) ** 2).sum().backward()
    assert w.grad.tolist() == expected.grad.tolist() and x.grad.shape == x.shape


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: torch.vmap(lambda x: x)(3), "We cannot vmap over non-Tensor arguments"),
        (lambda: torch.vmap(lambda x: x)(torch.tensor(1.0)), "dimensionality 0"),
        (lambda: torch.vmap(lambda x, y: x)(torch.ones(2), torch.ones(3)), r"got sizes \[2, 3\]"),
        (lambda: torch.vmap(lambda x: x, in_dims=2)(torch.ones(2)), "-1 <= in_dim < 1"),
        (lambda: torch.vmap(lambda x: 3)(torch.ones(2)), "must only return Tensors, got type"),
        (lambda: torch.vmap(lambda x: x, out_dims=(0, 1))(torch.ones(2)), "not compatible"),
        (lambda: torch.vmap(lambda x: x, out_dims="a")(torch.ones(2)), "must be an int, None or"),
        (lambda: torch.vmap(lambda x: x, in_dims=None)(torch.ones(2)), "expected `in_dims` to be"),
        (lambda: torch.vmap(lambda: 3)(), "got no inputs"),
        (lambda: torch.vmap(lambda x: x, in_dims=(0,))(BATCH, BATCH), "in_dims is not compatible"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_linearize_and_the_rest():
    out, push = func.linearize(lambda x: (x * 2, x.sin()), torch.zeros(2))
    assert out[1].tolist() == [0, 0]
    assert [t.tolist() for t in push(torch.ones(2))] == [[2, 2], [1, 1]]
    net = func.replace_all_batch_norm_modules_(nn.Sequential(nn.BatchNorm1d(2), nn.ReLU()))
    assert net[0].running_mean is None and not net[0].track_running_stats
    assert net(torch.ones(3, 2)).shape == (3, 2)

    def f(x):
        x.add_(1)
        return x * 2

    assert func.functionalize(f)(torch.ones(2)).tolist() == [4, 4]
    with pytest.raises(RuntimeError, match="invalid argument for remove=all"):
        func.functionalize(f, remove="all")


def test_rearrange():
    x = torch.arange(24).reshape(2, 6, 2)
    moved = func.rearrange(x, "b (h w) c -> b c h w", h=3)
    assert moved.tolist() == x.reshape(2, 3, 2, 2).permute(0, 3, 1, 2).tolist()
    assert func.rearrange(x, "b ... -> (...) b").shape == (12, 2)
    assert func.rearrange(x, "a b c -> a 1 (b c)").shape == (2, 1, 12)
    assert func.rearrange([x[0], x[1]], "n a b -> a n b").shape == (6, 2, 2)
    for pattern, lengths in (("a b", {}), ("a b c -> a b", {}), ("a b -> b a", {}),
                             ("a (b d) c -> a b c d", {}), ("a (b d) c -> a b c d", {"b": 4}),
                             ("a (b c -> a b c", {}), ("a b c -> c b a", {"d": 2})):  # fmt: skip
        with pytest.raises(ValueError, match="rearrange"):
            func.rearrange(x, pattern, **lengths)


@pytest.mark.parametrize("ask", [lambda x: x.item(), lambda x: x if x > 0 else -x])
def test_asking_for_a_value_of_a_batch_raises(ask):
    with pytest.raises(RuntimeError, match=r"vmap.*a value was asked for.*torch.where"):
        torch.vmap(ask)(torch.ones(3))


def test_an_example_shows_the_batch_it_is_of():
    shown = []
    torch.func.vmap(lambda x: (shown.append(repr(x)), x * 2)[1])(torch.ones(2, 3))
    numbers = "    tensor([[1., 1., 1.],\n            [1., 1., 1.]])"
    assert shown == [f"BatchedTensor(lvl=1, bdim=0, value=\n{numbers}\n)"]
