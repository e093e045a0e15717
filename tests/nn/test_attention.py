"""nn.attention: kernels allowed and not, causal masks; nn.grad."""

import pytest

import jaxtorch as torch
import jaxtorch.nn.functional as F
from jaxtorch.nn.attention import SDPBackend, sdpa_kernel
from jaxtorch.nn.attention.bias import CausalBias, causal_lower_right, causal_upper_left


def test_a_kernel_that_the_device_lacks_is_refused():
    q = torch.ones(1, 2, 3, 4)
    plain = F.scaled_dot_product_attention(q, q, q)
    for allowed in (SDPBackend.MATH, [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION]):
        with sdpa_kernel(allowed):
            assert torch.equal(F.scaled_dot_product_attention(q, q, q), plain)
    with sdpa_kernel(SDPBackend.MATH):  # nested, the inner one counts, and ends
        with sdpa_kernel([]), pytest.raises(RuntimeError, match="No viable backend"):
            F.scaled_dot_product_attention(q, q, q)
        F.scaled_dot_product_attention(q, q, q)
    assert str(SDPBackend.MATH) == "SDPBackend.MATH"
    with pytest.raises(AssertionError, match="Backend must be an instance"), sdpa_kernel("math"):
        pass


def test_causal_masks_for_unequal_lengths():
    left, right = causal_upper_left(2, 3), causal_lower_right(2, 3)
    assert left.tolist() == [[True, False, False], [True, True, False]]
    assert right.tolist() == [[True, True, False], [True, True, True]]
    assert isinstance(left, CausalBias) and (right.seq_len_q, right.seq_len_kv) == (2, 3)
    torch.manual_seed(0)
    q, k = torch.randn(1, 1, 2, 4), torch.randn(1, 1, 3, 4)
    found = F.scaled_dot_product_attention(q, k, k, right)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    assert type(found) is torch.Tensor
    assert torch.equal(found, F.scaled_dot_product_attention(q, k, k, mask))
    with pytest.warns(UserWarning, match="will produce NaNs"):
        causal_lower_right(3, 2)


def test_the_result_lies_in_memory_as_the_query_does():
    q = torch.randn(2, 5, 3, 4).transpose(1, 2)
    packed = torch.randn(2, 5, 36).view(2, 5, 3, 12)[..., :4].transpose(1, 2).requires_grad_()
    turned = torch.randn(5, 2, 3, 4).permute(1, 2, 0, 3)
    for query, strides in ((q, (60, 4, 12, 1)), (packed, (60, 4, 12, 1)), (turned, (12, 4, 24, 1))):
        out = F.scaled_dot_product_attention(query, q, q, is_causal=True)
        plain = F.scaled_dot_product_attention(query.contiguous(), q, q, is_causal=True)
        assert out.stride() == strides and torch.equal(out, plain)
    assert out.permute(2, 0, 1, 3).view(5, 2, 12).shape == (5, 2, 12)
    (
        F.scaled_dot_product_attention(packed, q, q).transpose(1, 2).view(2, 5, 12) ** 2
    ).sum().backward()
    (expected,) = torch.autograd.grad(
        (F.scaled_dot_product_attention(packed, q, q) ** 2).sum(), packed
    )
    assert torch.allclose(packed.grad, expected)
    # PyTorch's other kernel makes it in row-major order.
    wide, mask = torch.randn(2, 3, 5, 6), torch.zeros(5, 5, requires_grad=True)
    assert F.scaled_dot_product_attention(q, q, wide).is_contiguous()
    assert F.scaled_dot_product_attention(q, q, q, mask).is_contiguous()
    assert F.scaled_dot_product_attention(q, q, q, dropout_p=0.5).is_contiguous()
    with sdpa_kernel(SDPBackend.MATH):
        assert F.scaled_dot_product_attention(q, q, q).is_contiguous()


def test_masks_are_merged():
    layer, query = torch.nn.MultiheadAttention(4, 2), torch.zeros(3, 5, 4)
    padding = torch.tensor([[0.0, 0, 0, -9, -9]] * 3)
    assert layer.merge_masks(None, None, query) == (None, None)
    alone, kind = layer.merge_masks(None, padding, query)
    assert alone is padding and kind == 1
    ahead = torch.full((5, 5), -7.0).triu(1)
    merged, kind = layer.merge_masks(ahead, padding, query)
    assert merged.shape == (3, 2, 5, 5) and kind == 2
    assert merged[2, 1].tolist() == (ahead + padding[0]).tolist()
    each, kind = layer.merge_masks(ahead.expand(6, 5, 5), None, query)
    assert torch.equal(each, ahead.expand(3, 2, 5, 5)) and kind == 2


def test_gradients_of_a_convolution():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 5, 5, requires_grad=True)
    w = torch.randn(6, 2, 3, 3, requires_grad=True)
    y = F.conv2d(x, w, None, 2, 1, 1, 2)
    g = torch.randn_like(y)
    to_x, to_w = torch.autograd.grad(y, (x, w), g)
    with torch.no_grad():
        assert torch.allclose(torch.nn.grad.conv2d_input(x.shape, w, g, 2, 1, 1, 2), to_x)
        assert torch.allclose(torch.nn.grad.conv2d_weight(x, w.shape, g, 2, 1, 1, 2), to_w)
