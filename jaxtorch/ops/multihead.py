"""Attention in several heads, with its projections and masks (arXiv:1706.03762): ops put
together."""

from __future__ import annotations

import math
import warnings
from typing import Any

from jaxtorch import dtypes
from jaxtorch.ops.activation import softmax
from jaxtorch.ops.attention import attended
from jaxtorch.ops.blas import baddbmm, bmm
from jaxtorch.ops.creation import zeros
from jaxtorch.ops.dropout import dropout
from jaxtorch.ops.linear import linear
from jaxtorch.ops.shaping import cat

__all__ = ["multi_head_attention_forward"]


def _none_or_dtype(input):
    return None if input is None else input.dtype


def _canonical_mask(
    mask, mask_name: str, other_type, other_name: str, target_type, check_other: bool = True
) -> Any:
    """A mask as numbers to add to the scores: where a bool mask is True, minus infinity."""
    if mask is None:
        return None
    if mask.dtype is not dtypes.bool and not mask.dtype.is_floating_point:
        raise AssertionError(f"only bool and floating types of {mask_name} are supported")
    if check_other and other_type is not None and mask.dtype is not other_type:
        warnings.warn(
            f"Support for mismatched {mask_name} and {other_name} is deprecated. Use same type for "
            "both instead.",
            stacklevel=3,
        )
    if mask.dtype.is_floating_point:
        return mask
    nothing = zeros(tuple(mask.shape), dtype=target_type, device=mask.device)
    return nothing.masked_fill(mask, -math.inf)


def _batched(query, key, value, key_padding_mask, attn_mask, num_heads: int) -> bool:
    """Is there a batch dimension? AssertionError where the arguments do not agree on it."""
    n = query.dim()
    if n not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {n}-D query tensor"
        )
    kind = "batched (3-D)" if n == 3 else "unbatched (2-D)"
    if key.dim() != n or value.dim() != n:
        raise AssertionError(
            f"For {kind} `query`, expected `key` and `value` to be {n}-D but found {key.dim()}-D "
            "and "
            f"{value.dim()}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != n - 1:
        raise AssertionError(
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {n - 1}-D but found "
            f"{key_padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None and attn_mask.dim() not in (2, 3):
        raise AssertionError(
            f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found "
            f"{attn_mask.dim()}-D tensor instead"
        )
    if n == 2 and attn_mask is not None and attn_mask.dim() == 3:
        expected = (num_heads, query.shape[0], key.shape[0])
        if tuple(attn_mask.shape) != expected:
            raise AssertionError(
                f"Expected `attn_mask` shape to be {expected} but got {attn_mask.shape}"
            )
    return n == 3


def _projected(query, key, value, weight, bias):
    """Query, key and value through their thirds of one weight; what is the same goes together."""
    if query is key and key is value:
        return linear(query, weight, bias).chunk(3, -1)
    size = query.shape[-1]
    q_weight, kv_weight = weight.split([size, 2 * size])
    q_bias, kv_bias = (None, None) if bias is None else bias.split([size, 2 * size])
    q = linear(query, q_weight, q_bias)
    if key is value:
        return q, *linear(key, kv_weight, kv_bias).chunk(2, -1)
    k_weight, v_weight = kv_weight.chunk(2)
    k_bias, v_bias = (None, None) if kv_bias is None else kv_bias.chunk(2)
    return q, linear(key, k_weight, k_bias), linear(value, v_weight, v_bias)


def _projected_apart(query, key, value, weights, bias):
    for name, weight in zip("qkv", weights, strict=True):
        if weight is None:
            raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
    biases = (None, None, None) if bias is None else bias.chunk(3)
    inputs = (query, key, value)
    return [linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True)]


def _checked_mask(mask, heads: int, batch: int, targets: int, sources: int):
    """``attn_mask`` as (1 or batch * heads, targets, sources)."""
    expected = {2: (targets, sources), 3: (batch * heads, targets, sources)}[mask.dim()]
    if tuple(mask.shape) != expected:
        raise RuntimeError(
            f"The shape of the {mask.dim()}D attn_mask is {mask.shape}, but should be {expected}."
        )
    return mask.unsqueeze(0) if mask.dim() == 2 else mask


def _longer(mask):
    """A mask for one more source, which is seen."""
    if mask is None:
        return None
    seen = zeros((*mask.shape[:-1], 1), dtype=mask.dtype, device=mask.device)
    return cat([mask, seen], -1)


def _static(given, name: str, count: int, head_dim: int):
    for dim, size in ((0, count), (2, head_dim)):
        if given.size(dim) != size:
            raise AssertionError(
                f"expecting {name}.size({dim}) of {size}, but got {given.size(dim)}"
            )
    return given


def multi_head_attention_forward(
    query, key, value, embed_dim_to_check: int, num_heads: int, in_proj_weight, in_proj_bias,
    bias_k, bias_v, add_zero_attn: bool, dropout_p: float, out_proj_weight, out_proj_bias,
    training: bool = True, key_padding_mask=None, need_weights: bool = True, attn_mask=None,
    use_separate_proj_weight: bool = False, q_proj_weight=None, k_proj_weight=None,
    v_proj_weight=None, static_k=None, static_v=None, average_attn_weights: bool = True,
    is_causal: bool = False,
):  # fmt: skip
    """query (L, N, E), key (S, N, kdim), value (S, N, vdim), or all without N, to the output (L, N,
    E)
    and the weights (N, L, S), or (N, heads, L, S) where they are not averaged, or None."""
    batched = _batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        same_key, same_value = key is query, value is key
        query = query.unsqueeze(1)
        key = query if same_key else key.unsqueeze(1)
        value = key if same_value else value.unsqueeze(1)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    targets, batch, size = query.shape
    heads, head_dim, count = num_heads, size // num_heads, batch * num_heads

    padding = _canonical_mask(
        key_padding_mask, "key_padding_mask", _none_or_dtype(attn_mask), "attn_mask", query.dtype
    )
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and padding is None and not need_weights:
        mask = None  # the hint is trusted: the kernel masks by itself
    else:
        mask = _canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, False)
        is_causal = is_causal and padding is None
    _check_sizes(query, key, value, embed_dim_to_check, heads, use_separate_proj_weight)

    if use_separate_proj_weight:
        weights = (q_proj_weight, k_proj_weight, v_proj_weight)
        q, k, v = _projected_apart(query, key, value, weights, in_proj_bias)
    elif in_proj_weight is None:
        raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
    else:
        q, k, v = _projected(query, key, value, in_proj_weight, in_proj_bias)
    if mask is not None:
        mask = _checked_mask(mask, heads, batch, targets, key.shape[0])

    if (bias_k is None) != (bias_v is None):
        here, missing = ("bias_v", "bias_k") if bias_k is None else ("bias_k", "bias_v")
        raise AssertionError(f"{here} is set but {missing} is None")
    if bias_k is not None:
        if static_k is not None or static_v is not None:
            which = "key" if static_k is not None else "value"
            raise AssertionError(f"bias cannot be added to static {which}.")
        k, v = cat([k, bias_k.repeat(1, batch, 1)]), cat([v, bias_v.repeat(1, batch, 1)])
        mask, padding = _longer(mask), _longer(padding)

    def by_head(x):
        return x.reshape(x.shape[0], count, head_dim).transpose(0, 1)

    q = by_head(q)
    k = by_head(k) if static_k is None else _static(static_k, "static_k", count, head_dim)
    v = by_head(v) if static_v is None else _static(static_v, "static_v", count, head_dim)
    if add_zero_attn:
        nothing = zeros((count, 1, head_dim), dtype=k.dtype, device=k.device)
        k, v = cat([k, nothing], 1), cat([v, nothing], 1)
        mask, padding = _longer(mask), _longer(padding)

    sources = k.size(1)
    if padding is not None:
        if tuple(padding.shape) != (batch, sources):
            raise AssertionError(
                f"expecting key_padding_mask shape of {(batch, sources)}, but got {padding.shape}"
            )
        padding = padding.reshape(batch, 1, 1, sources).expand(-1, heads, -1, -1)
        padding = padding.reshape(count, 1, sources)
        mask = padding if mask is None else mask + padding

    p = dropout_p if training else 0.0
    if need_weights:
        scores = q * math.sqrt(1.0 / head_dim)
        turned = k.transpose(-2, -1)
        scores = bmm(scores, turned) if mask is None else baddbmm(mask, scores, turned)
        weights = softmax(scores, -1)
        weights = dropout(weights, p) if p > 0.0 else weights
        out = bmm(weights, v).transpose(0, 1)
        weights = weights.reshape(batch, heads, targets, sources)
        weights = weights.mean(dim=1) if average_attn_weights else weights
        weights = weights if batched else weights.squeeze(0)
    else:
        if mask is not None:
            alone = mask.size(0) == 1
            mask = mask.unsqueeze(0) if alone else mask.reshape(batch, heads, -1, sources)
        q, k, v = (x.reshape(batch, heads, -1, head_dim) for x in (q, k, v))
        out = attended(q, k, v, mask, p, is_causal).permute(2, 0, 1, 3)
        weights = None
    out = linear(out.reshape(targets * batch, size), out_proj_weight, out_proj_bias)
    out = out.reshape(targets, batch, -1)
    return (out if batched else out.squeeze(1)), weights


def _check_sizes(query, key, value, expected: int, heads: int, apart: bool) -> None:
    size = query.shape[-1]
    if size != expected:
        raise AssertionError(f"was expecting embedding dimension of {expected}, but got {size}")
    if size % heads:
        raise AssertionError(f"embed_dim {size} not divisible by num_heads {heads}")
    if apart and key.shape[:2] != value.shape[:2]:
        raise AssertionError(
            f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
        )
    if not apart and key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
