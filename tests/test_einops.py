"""The real einops, on Tensors by its own means of extension, and as torch under the launcher."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import einops
import numpy as np
import pytest

import jaxtorch as torch
import jaxtorch.interop.einops  # noqa: F401  (the import registers)

A = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("pattern, sizes", [
    ("a b c -> c a b", {}), ("a b c -> a (b c)", {}), ("a b (c d) -> d (a b) c", {"d": 2}),
    ("... c -> c ...", {}), ("a b c -> a 1 b () c", {}), ("a b c -> (c b a)", {}),
])  # fmt: skip
def test_rearrange(pattern, sizes):
    x = torch.tensor(A, requires_grad=True)
    found = einops.rearrange(x, pattern, **sizes)
    assert np.array_equal(found.detach().numpy(), einops.rearrange(A, pattern, **sizes))
    (found * found).sum().backward()
    assert np.array_equal(x.grad.numpy(), 2 * A)


def test_rearrange_is_a_view_where_torchs_is():
    x = torch.tensor(A)
    einops.rearrange(x, "a b c -> b c a")[0].zero_()
    assert not x[:, 0].any() and x[:, 1:].sum() == A[:, 1:].sum()
    stacked = einops.rearrange([x, x + 1], "n a b c -> a n (b c)")
    assert stacked.shape == (2, 2, 12)


@pytest.mark.parametrize("how", ["sum", "mean", "max", "min", "prod"])
def test_reduce(how):
    for pattern, sizes in (("a b c -> b", {}), ("a (b d) c -> a d", {"d": 3}), ("a b c -> ", {})):
        found = einops.reduce(torch.tensor(A + 1), pattern, how, **sizes)
        expected = einops.reduce(A + 1, pattern, how, **sizes)
        assert np.allclose(found.numpy(), expected, 1e-5)


def test_repeat_and_shape():
    found = einops.repeat(torch.tensor(A), "a b c -> b (a r) c k", r=2, k=3)
    assert np.array_equal(found.numpy(), einops.repeat(A, "a b c -> b (a r) c k", r=2, k=3))
    assert einops.parse_shape(torch.tensor(A), "x _ z") == {"x": 2, "z": 4}
    assert np.array_equal(einops.asnumpy(torch.tensor(A)), A)


def test_einsum_with_words():
    x, y = torch.tensor(A), torch.tensor(A[0])
    found = einops.einsum(x, y, "batch row column, other column -> batch row other")
    assert np.allclose(found.numpy(), A @ A[0].T)


def test_pack_and_unpack():
    parts = [torch.tensor(A), torch.ones(2, 4), torch.zeros(2, 2, 2, 4)]
    packed, shapes = einops.pack(parts, "a * c")
    assert packed.shape == (2, 8, 4)
    for part, again in zip(parts, einops.unpack(packed, shapes, "a * c"), strict=True):
        assert torch.equal(part, again)


def test_what_does_not_fit_is_einops_own_error():
    with pytest.raises(einops.EinopsError, match="can't divide axis of length 4 in chunks of 3"):
        einops.rearrange(torch.tensor(A), "a b (c d) -> a b c d", d=3)


LAYERS = """
import torch
from einops import rearrange
from einops.layers.torch import EinMix, Rearrange, Reduce

torch.manual_seed(0)
net = torch.nn.Sequential(
    Rearrange("b c (h p) (w q) -> b (h w) (c p q)", p=2, q=2),
    EinMix("b t c -> b t d", weight_shape="c d", bias_shape="d", c=12, d=5),
    torch.nn.ReLU(),
    Reduce("b t d -> b d", "mean"),
)
x = torch.randn(2, 3, 4, 6)
out = net(x)
out.sum().backward()
grads = [p.grad.abs().sum().item() > 0 for p in net.parameters()]
print(tuple(out.shape), grads, [tuple(p.shape) for p in net.parameters()])
print(torch.equal(rearrange(x, "b c h w -> b (h w) c"), x.flatten(2).transpose(1, 2)))
"""


def test_its_layers_in_a_program_that_says_torch(tmp_path):
    script = tmp_path / "layers.py"
    script.write_text(textwrap.dedent(LAYERS))
    root = str(Path(__file__).parent.parent)
    ran = subprocess.run(
        [sys.executable, "-m", "jaxtorch", str(script)], capture_output=True, text=True,
        timeout=240, env={**os.environ, "PYTHONPATH": root}, check=True,
    )  # fmt: skip
    shapes, equal = ran.stdout.splitlines()
    assert shapes.startswith("(2, 5) [True, True] [(12, 5), ") and equal == "True"
