"""Scaled dot product attention."""

import math
import threading

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops._op import Array, Scalar, op
from jaxtorch.ops.dropout import keep_mask, seeds_for
from jaxtorch.ops.linear import standing
from jaxtorch.ops.strides import contiguous, stride
from jaxtorch.ops.views import permute

__all__ = ["KERNELS", "attended", "laid_out_as", "scaled_dot_product_attention"]


class _Kernels(threading.local):
    """The names of PyTorch's kernels that this thread allows (see nn.attention); None for all."""

    allowed: frozenset | None = None


KERNELS = _Kernels()
ON_CPU = frozenset({"MATH", "FLASH_ATTENTION"})


def _check_kernel(device) -> None:
    if not KERNELS.allowed & (ON_CPU if device.type == "cpu" else KERNELS.allowed - {"ERROR"}):
        raise RuntimeError(
            "No viable backend for scaled_dot_product_attention was found. This is likely due to "
            "turning off both the math kernel and the fused kernels."
        )


def _dtype_name(x) -> str:
    return dtypes.from_numpy_dtype(x.dtype).legacy.lower()


def _check(query, key, value, attn_mask, is_causal) -> None:
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{_dtype_name(query)} key.dtype: {_dtype_name(key)} and value.dtype: "
            f"{_dtype_name(value)} instead."
        )
    if attn_mask is not None:
        if is_causal:
            raise RuntimeError(
                "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
                "is_causal=True"
            )
        if attn_mask.dtype not in (bool, np.float32, query.dtype):
            raise RuntimeError(
                "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                f"attn_mask.dtype: {_dtype_name(attn_mask)} and  query.dtype: {_dtype_name(query)} "
                "instead."
            )
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError(
            "scaled_dot_product_attention: query and key must agree in their last size, key and "
            f"value in their last but one: got query {list(query.shape)}, key {list(key.shape)}, "
            f"value {list(value.shape)}"
        )


def _wide(*arrays):
    """Half types as float32, in which PyTorch keeps the scores."""
    return [x.astype(jnp.float32) if x.dtype.itemsize == 2 else x for x in arrays]


def _repeat_heads(query, key, value):
    """Key and value with each head repeated for its group of query heads."""
    heads = query.shape[-3]
    if heads % key.shape[-3] or heads % value.shape[-3]:
        raise RuntimeError(
            "Number of heads in key and value must divide the number of heads in query"
        )
    return tuple(jnp.repeat(x, heads // x.shape[-3], axis=-3) for x in (key, value))


def _name(arrays, statics) -> str:
    fused = arrays[3].kind == "none" and arrays[0].ndim == 4
    return "ScaledDotProductFlashAttentionForCpuBackward0" if fused else "UnsafeViewBackward0"


def _scale_of(query, scale):
    return 1 / math.sqrt(query.shape[-1]) if scale is None else scale


def _weights(query, key, attn_mask, is_causal, scale):
    """softmax(query key^T * scale + mask); a row that may look nowhere is zero."""
    scores = jnp.einsum("...qd,...kd->...qk", query * _scale_of(query, scale), key)
    if is_causal:
        attn_mask = np.tri(*scores.shape[-2:], dtype=bool)
    if attn_mask is None:
        return jax.nn.softmax(scores, -1)
    shape = jnp.broadcast_shapes(scores.shape, attn_mask.shape)
    scores, attn_mask = (jnp.broadcast_to(x, shape) for x in (scores, attn_mask))
    if attn_mask.dtype == bool:
        scores = jnp.where(attn_mask, scores, -jnp.inf)
    else:
        scores = scores + attn_mask.astype(scores.dtype)
    return jax.nn.softmax(scores, -1) if is_causal else _safe_softmax(scores)


def _safe_softmax(scores):
    """softmax over the last dimension, and zeros for a row of -inf."""
    top = lax.stop_gradient(jnp.max(scores, -1, keepdims=True))
    top = jnp.where(top == -jnp.inf, 0, top)
    powers = jnp.exp(scores - top)
    total = jnp.sum(powers, -1, keepdims=True)
    return powers / jnp.where(total == 0, 1, total)


def _noise(shape, dtype, dropout_p, first, second):
    """What dropout multiplies the weights by: 0, or one over what is kept."""
    kept = keep_mask(shape, dropout_p, first, second)
    return jnp.where(kept, 1 / (1 - dropout_p).astype(dtype), jnp.zeros((), dtype))


def _summed_to(x, shape):
    """x, which was broadcast from shape, summed back to it."""
    (back,) = jax.linear_transpose(
        lambda a: jnp.broadcast_to(a, x.shape), jax.ShapeDtypeStruct(shape, x.dtype)
    )(x)
    return back


def _attention_vjp(needs, args, statics, out, grads):
    query, key, value, attn_mask, *dropout = args
    query, key, value, grads = _wide(query, key, value, grads)
    pull = None
    if statics["enable_gqa"]:
        (key, value), pull = jax.vjp(lambda k, v: _repeat_heads(query, k, v), key, value)
    scale = _scale_of(query, statics["scale"])
    weights = _weights(query, key, attn_mask, statics["is_causal"], statics["scale"])
    noise = None if dropout[0] is None else _noise(weights.shape, weights.dtype, *dropout)
    grads = standing(grads)
    found = [None] * 7
    if needs[2] or pull is not None:
        seen = weights if noise is None else weights * noise
        found[2] = _summed_to(jnp.einsum("...qk,...qd->...kd", seen, grads), value.shape)
    slope = jnp.einsum("...qd,...kd->...qk", grads, value)
    if noise is not None:
        slope = slope * noise
    slope = weights * (slope - jnp.sum(weights * slope, -1, keepdims=True))
    if needs[3]:
        found[3] = _summed_to(slope, attn_mask.shape)
    found[0] = _summed_to(jnp.einsum("...qk,...kd->...qd", slope, key) * scale, query.shape)
    found[1] = _summed_to(jnp.einsum("...qk,...qd->...kd", slope, query) * scale, key.shape)
    if pull is not None:
        found[1:3] = pull((found[1], found[2]))
    return tuple(g if need else None for g, need in zip(found, needs, strict=True))


@op(name=_name, vjp=_attention_vjp)
def _attention(
    query: Array, key: Array, value: Array, attn_mask: Array | None, dropout_p: Scalar | None,
    first: Scalar | None, second: Scalar | None, is_causal: bool, scale: float | None,
    enable_gqa: bool,
):  # fmt: skip
    """softmax(query key^T * scale + mask) value; rows that may look nowhere give zero."""
    _check(query, key, value, attn_mask, is_causal)
    narrow = query.dtype
    query, key, value = _wide(query, key, value)
    if enable_gqa:
        key, value = _repeat_heads(query, key, value)
    weights = _weights(query, key, attn_mask, is_causal, scale)
    if dropout_p is not None:
        weights = weights * _noise(weights.shape, weights.dtype, dropout_p, first, second)
    return jnp.einsum("...qk,...kd->...qd", weights, value).astype(narrow)


def laid_out_as(out, query):
    """``out`` with its dimensions in memory in the order of the query's, as callers who view it
    (``transpose(1, 2).view(...)``) expect."""
    if query._base is None:
        return out
    strides = stride(query)
    order = sorted(range(query.ndim), key=lambda d: -strides[d])
    if order == list(range(query.ndim)):
        return out
    back = [order.index(d) for d in range(query.ndim)]
    return permute(contiguous(permute(out, order)), back)


def _keeps_layout(query, value, attn_mask, dropout_p) -> bool:
    """Would PyTorch take a kernel whose result lies in memory as the query does?"""
    return (
        query.ndim == 4
        and dropout_p == 0
        and query.shape[-1] == value.shape[-1]
        and (attn_mask is None or not attn_mask.requires_grad)
        and (KERNELS.allowed is None or bool(KERNELS.allowed - {"MATH", "ERROR"}))
    )


def scaled_dot_product_attention(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    """softmax(query key^T / sqrt(E)) value, with dropout on the weights (arXiv:1706.03762).

    query (*, L, E), key (*, S, E), value (*, S, Ev) -> (*, L, Ev). attn_mask, which broadcasts to
    (*, L, S), is True where to look, or a number added to the scores; is_causal looks at no later
    position. scale replaces 1 / sqrt(E). With enable_gqa, key and value may have fewer heads
    (dimension -3).
    """
    out = attended(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)
    return laid_out_as(out, query) if _keeps_layout(query, value, attn_mask, dropout_p) else out


def attended(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    """scaled_dot_product_attention, for callers who do not ask how the result lies in memory."""
    if not 0 <= dropout_p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    if KERNELS.allowed is not None:
        _check_kernel(query.device)
    seeds = (None, None, None)
    if dropout_p > 0:
        weights = math.prod(query.shape[:-1]) * key.shape[-2]
        seeds = (float(dropout_p), *seeds_for(query, weights))
    return _attention(
        query, key, value, attn_mask, *seeds, bool(is_causal), scale, bool(enable_gqa)
    )
