"""flex_attention against the dense formula and stored block masks; all of it against real torch."""

import functools
import importlib
import math
import warnings

import numpy as np
import pytest

import jaxtorch as torch
from jaxtorch._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex
from jaxtorch.nn.attention import flex_attention as flex

DRAWS = np.random.RandomState(0)
QUERY, KEY, VALUE, TABLE = (
    DRAWS.randn(*shape).astype("float32")
    for shape in ((2, 4, 5, 8), (2, 2, 7, 8), (2, 2, 7, 6), (4, 20))
)
DOCUMENT = np.array([0, 0, 0, 1, 1, 1, 1])


def causal(b, h, q, k):
    return q >= k


def late(b, h, q, k):
    """The first query of batch 0 and all of head 1 see nothing."""
    return (q + b > k) & (h != 1)


@functools.cache
def leaves():
    return [torch.tensor(x, requires_grad=True) for x in (QUERY, KEY, VALUE, TABLE)]


def test_scores_and_masks_and_gradients_are_the_dense_formula():
    query, key, value, table = leaves()

    def bias(score, b, h, q, k):
        return score * 0.5 + table[h, q - k + 8]

    mask = flex.create_block_mask(late, 2, 4, 5, 7)
    wanted = flex.AuxRequest(lse=True, max_scores=True)
    out, aux = flex.flex_attention(
        query, key, value, bias, mask, enable_gqa=True, return_aux=wanted
    )
    b, h, q, k = np.ogrid[:2, :4, :5, :7]
    keys, values = (x.repeat_interleave(2, 1) for x in (key, value))
    scores = query @ keys.mT / math.sqrt(8) * 0.5
    scores = scores + table[torch.tensor(h[0]), torch.tensor((q - k + 8)[0])]
    seen = torch.tensor((q + b > k) & (h != 1))
    weights = scores.exp() * seen
    total = weights.sum(-1)
    blind = total == 0
    assert blind.sum() == 13
    plain = (weights / total.masked_fill(blind, 1).unsqueeze(-1)) @ values
    assert torch.allclose(out, plain, atol=1e-5) and not out[blind].any()
    assert torch.allclose(aux.lse, total.log(), atol=1e-5)
    assert torch.allclose(aux.max_scores, scores.masked_fill(~seen, -math.inf).amax(-1), atol=1e-5)
    found = torch.autograd.grad(out.sin().sum() + aux.lse[~blind].sum(), leaves())
    expected = torch.autograd.grad(plain.sin().sum() + total[~blind].log().sum(), leaves())
    for mine, theirs in zip(found, expected, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-4)


def test_a_block_mask_tells_its_blocks():
    mask = flex.create_block_mask(causal, None, 2, 8, 9, BLOCK_SIZE=(2, 3))
    assert mask.shape == (1, 2, 8, 9) and mask.numel() == 144 and mask.BLOCK_SIZE == (2, 3)
    assert mask.to_dense()[0, 1].tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 1]]
    assert mask.kv_num_blocks[0, 0].tolist() == [1, 1, 1, 1]
    assert mask.kv_indices[0, 0].tolist() == [[0, 1, 2], [1, 0, 2], [1, 0, 2], [2, 0, 1]]
    assert mask.full_kv_num_blocks[0, 0].tolist() == [0, 1, 1, 2]
    assert mask.q_num_blocks[0, 0].tolist() == [1, 2, 1] and mask.q_indices.dtype is torch.int32
    assert mask.full_q_indices[0, 0].tolist() == [[1, 2, 3, 0], [3, 0, 1, 2], [0, 1, 2, 3]]
    picture = "██    \n████  \n████  \n██████"
    head = "BlockMask(shape=(1, 2, 8, 9), sparsity=33.33%, \n"
    assert str(mask) == f"{head}(0, 0)\n{picture}\n\n(0, 1)\n{picture}\n)"
    assert mask.to_string(2, limit=1).startswith("(0, 0)\n░░  \n██░░\n\n...\nTo print out more")
    assert repr(mask).splitlines()[9:] == [
        "    BLOCK_SIZE=(2, 3),", "    shape=(1, 2, 8, 9),",
        "    sparsity=33.33%,", "    mask_mod=causal", ")",
    ]  # fmt: skip
    whole = flex.create_block_mask(causal, 1, 1, 8, 9, BLOCK_SIZE=2, separate_full_blocks=False)
    assert whole.full_kv_indices is None and whole.kv_num_blocks.tolist() == [[[1, 2, 3, 4]]]
    assert mask.to("cpu").to_dense().equal(mask.to_dense())
    flat = mask.as_tuple()
    assert flat[:2] == (8, 9) and flat[-3:] == (2, 3, causal) and flat[2] is mask.kv_num_blocks
    assert mask.as_tuple(flatten=False)[0] == (8, 9)


def test_a_part_of_a_block_mask():
    mask = flex.create_block_mask(causal, 2, 2, 8, 9, BLOCK_SIZE=(2, 3))
    part = mask[0, -1, torch.tensor([1, 3])]
    assert part.kv_num_blocks.shape == (1, 1, 2) and part.seq_lengths == (8, 9)
    assert part.to_dense().tolist() == [[[[1, 1, 0], [1, 1, 1]]]]
    query = torch.zeros(1, 1, 4, 2)
    with pytest.raises(RuntimeError, match="Cannot use mask_mod from a sliced BlockMask"):
        flex.flex_attention(query, torch.zeros(1, 1, 9, 2), torch.zeros(1, 1, 9, 2), None, part)
    with pytest.raises(RuntimeError, match="Cannot use mask_mod from a sliced BlockMask"):
        part.mask_mod(0, 0, 0, 0)
    smaller = mask._adjust(3, 4)
    assert smaller.shape == (2, 2, 3, 4) and smaller.mask_mod is causal
    mask.dq_kv_order = torch.arange(3)
    with pytest.raises(NotImplementedError, match="dq_kv_order"):
        mask[0]


def test_masks_combine():
    odd = flex.create_mask(lambda b, h, q, k: k % 2 == 1, None, None, 3, 4)
    lower = flex.create_mask(causal, None, None, 3, 4)
    both = flex.and_masks(causal, lambda b, h, q, k: k % 2 == 1)
    either = flex.or_masks(causal, lambda b, h, q, k: k % 2 == 1)
    assert flex.create_mask(both, None, None, 3, 4).equal(lower & odd)
    assert flex.create_mask(either, None, None, 3, 4).equal(lower | odd)
    assert flex.create_mask(flex.noop_mask, 1, 1, 3, 4).all()
    document = torch.tensor(DOCUMENT)
    with TransformGetItemToIndex():  # as libraries do that call vmap themselves
        same = flex.create_mask(lambda b, h, q, k: document[q] == document[k], 1, 1, 7, 7)
    assert same.equal((document[:, None] == document).expand(1, 1, 7, 7))
    scored = flex.create_mask(lambda s, b, h, q, k: torch.where(q >= k, s, -math.inf), 1, 1, 3, 4)
    assert scored.equal(lower)


def test_compiled_whole():
    query, key, value, _ = (x.detach() for x in leaves())
    mask = flex.create_block_mask(causal, None, None, 5, 7)

    @torch.jit
    def attend(query, mask):
        return flex.flex_attention(query, key, value, block_mask=mask, enable_gqa=True)

    plain = flex.flex_attention(query, key, value, block_mask=mask, enable_gqa=True)
    assert torch.allclose(attend(query, mask), plain, atol=1e-6)


def test_what_is_refused():
    query, other = torch.zeros(1, 2, 4, 8), torch.zeros(1, 1, 4, 8)
    attend = flex.flex_attention
    with pytest.raises(ValueError, match="same number of heads but got Hq=2 and Hkv=1"):
        attend(query, other, other)
    with pytest.raises(ValueError, match="multiple of kv heads"):
        attend(other, query, query, enable_gqa=True)
    with pytest.raises(ValueError, match="same embedding dimension but got E=8 and E=4"):
        attend(query, query[..., :4], query)
    with pytest.raises(NotImplementedError, match="must be 4D"):
        attend(query[0], query[0], query[0])
    with pytest.raises(ValueError, match="same batch size"):
        attend(query.expand(2, -1, -1, -1), query, query)
    small = flex.create_block_mask(causal, 1, 1, 2, 2)
    with pytest.raises(ValueError, match="got q_len=4 and kv_len=4"):
        attend(query, query, query, block_mask=small)
    with pytest.raises(NotImplementedError, match="BACKEND='FLASH'"):
        attend(query, query, query, kernel_options={"BACKEND": "FLASH"})
    with pytest.raises(ValueError, match="Invalid BACKEND value 'GOLD'"):
        attend(query, query, query, kernel_options={"BACKEND": "GOLD"})
    with pytest.raises(NotImplementedError, match="BLOCK_Z"):
        attend(query, query, query, kernel_options={"BLOCK_Z": 3})
    tuned = attend(query, query, query, kernel_options={"fwd_BLOCK_M": 64, "num_warps": 4})
    assert tuned.equal(attend(query, query, query))
    with pytest.raises(ValueError, match="Cannot specify both return_lse and return_aux"):
        attend(query, query, query, return_lse=True, return_aux=flex.AuxRequest())
    with pytest.warns(FutureWarning, match="return_lse is deprecated"):
        assert len(attend(query, query, query, return_lse=True)) == 2
    with pytest.raises(AssertionError, match="Expected 4 or 5 positional args, got 2"):
        flex.create_mask(lambda q, k: q >= k, 1, 1, 2, 2)
    with pytest.raises(AssertionError, match="requires a mask_mod function"):
        flex.create_block_mask(lambda s, b, h, q, k: s, 1, 1, 2, 2)
    with pytest.raises(AssertionError, match="must be torch.bool, got torch.int64"):
        flex.create_block_mask(lambda b, h, q, k: q - k, 1, 1, 2, 2)
    with pytest.raises(RuntimeError, match="should be callable mask_mods"):
        flex.and_masks(causal, 3)
    blocks = torch.ones(1, 1, 2, dtype=torch.int32)
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        flex.BlockMask.from_kv_blocks(blocks, blocks[0, 0])
    with pytest.raises(AssertionError, match="both provided or omitted"):
        flex.BlockMask.from_kv_blocks(blocks, torch.zeros(1, 1, 2, 2), blocks)


def _everything(t, module):
    """What one side gives for all of it, by name."""
    found = {}
    query, key, value, table = (t.tensor(x) for x in (QUERY, KEY, VALUE, TABLE))
    document = t.tensor(DOCUMENT)

    def bias(score, b, h, q, k):
        return score * 0.5 + table[h, q - k + 8]

    def same(b, h, q, k):
        return document[q] == document[k]

    mods = {"late": late, "documents": module.and_masks(causal, same)}
    for name, mod in mods.items():
        for full in (True, False):
            mask = module.create_block_mask(
                mod, 2, 4, 5, 7, None, (2, 3), False, full, True, dq_kv_order=full
            )
            parts = [mask, mask[1, -1], mask[0:1, :, t.tensor([1])], mask._adjust(3, 4)]
            found[name, full] = [part.as_tuple()[:-1] for part in parts]
            found[name, full, "told"] = str(mask), repr(mask), mask.to_string(-1, 9)
            found[name, full, "dense"] = mask.to_dense()
        found[name, "out"] = module.flex_attention(
            query, key, value, bias, mask, 0.3, True, return_aux=module.AuxRequest(lse=True)
        )
        found[name, "double"] = module.flex_attention(
            query.double(), key[:1].double(), value[:1].double(), None, mask, enable_gqa=True
        )
        with t.autocast("cpu", t.bfloat16):
            found[name, "half"] = module.flex_attention(
                query, key, value, bias, mask, enable_gqa=True
            )
    turned = query.transpose(1, 2).contiguous().transpose(1, 2)
    found["laid out"] = module.flex_attention(turned, key, value, bias, enable_gqa=True)
    return found


def _compare(name, theirs, ours):
    if isinstance(theirs, list | tuple):
        assert len(theirs) == len(ours), name
        for pair in zip(theirs, ours, strict=True):
            _compare(name, *pair)
    elif hasattr(theirs, "dtype"):
        assert theirs.shape == ours.shape and theirs.stride() == ours.stride(), name
        assert str(theirs.dtype) == str(ours.dtype), name
        near = 2e-2 if theirs.dtype.itemsize == 2 else 1e-5
        theirs, ours = theirs.double().numpy(), ours.double().numpy()
        np.testing.assert_allclose(ours, theirs, rtol=near, atol=near, err_msg=str(name))
    else:
        assert theirs == ours, name


def test_as_real_torch_has_it():
    theirs = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is not compiled
        module = importlib.import_module("torch.nn.attention.flex_attention")
        module._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG = True
        expected = _everything(theirs, module)
    ours = _everything(torch, flex)
    for name, value in expected.items():
        _compare(name, value, ours[name])


def test_gradients_as_real_torch_has_them():
    """PyTorch has none on the CPU but those of the function that its own is tested with."""
    theirs = pytest.importorskip("torch")
    module = importlib.import_module("torch.nn.attention.flex_attention")
    eager = importlib.import_module("torch._higher_order_ops.flex_attention").math_attention
    query, key, value, table = (
        theirs.tensor(x, requires_grad=True) for x in (QUERY, KEY, VALUE, TABLE)
    )
    expected = eager(
        query, key, value, lambda s, b, h, q, k: s * table[h, q - k + 8],
        module.create_block_mask(late, 2, 4, 5, 7).as_tuple(), 0.3, {},
    )[0]  # fmt: skip
    expected.sin().sum().backward()
    q, k, v, t = mine = [torch.tensor(x, requires_grad=True) for x in (QUERY, KEY, VALUE, TABLE)]
    mask = flex.create_block_mask(late, 2, 4, 5, 7)
    out = flex.flex_attention(
        q, k, v, lambda s, b, h, q, k: s * t[h, q - k + 8], mask, 0.3, enable_gqa=True
    )
    out.sin().sum().backward()
    for ours, real in zip(mine, (query, key, value, table), strict=True):
        np.testing.assert_allclose(ours.grad.numpy(), real.grad.numpy(), rtol=1e-4, atol=1e-5)
