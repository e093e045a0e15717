"""Rows of a table by index: embedding, bags of them, one-hot vectors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.engine.graph import STATE
from jaxtorch.ops._op import Array, Scalar, check, index_dtype, op
from jaxtorch.ops._promote import dtype_of, widened, width
from jaxtorch.ops.creation import arange
from jaxtorch.ops.sampling import is_staged

_OUT_OF_RANGE = "index out of range in self"


def _rows(input, weight):
    """Indices in range whatever they are, and whether they were."""
    if input.dtype not in (jnp.int32, jnp.int64):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got torch.{dtype_of(input).legacy}Tensor instead (while checking "
            "arguments for embedding)"
        )
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    index, n = input.astype(index_dtype()), weight.shape[0]
    if n == 0 and index.size:
        raise IndexError(_OUT_OF_RANGE)
    return jnp.clip(index, 0, max(n - 1, 0)), (index >= 0) & (index < n), index


def _taken(weight, at):
    return weight.at[at].get(mode="promise_in_bounds", wrap_negative_indices=False)


def _counts(at, n, dtype):
    one = jnp.ones((), dtype)
    return jnp.zeros(n, dtype).at[at].add(one, mode="promise_in_bounds")


def _embedding_vjp(needs, args, statics, out, grads):
    input, weight = args
    at, _, _ = _rows(input, weight)
    at, grads = at.reshape(-1), grads.reshape(-1, weight.shape[1])
    if statics["padding_idx"] is not None:
        grads = jnp.where((at == statics["padding_idx"])[:, None], 0, grads).astype(grads.dtype)
    if statics["scale_grad_by_freq"]:
        grads = grads / _taken(_counts(at, weight.shape[0], grads.dtype), at)[:, None]
    zeros = jnp.zeros(weight.shape, grads.dtype)
    return None, zeros.at[at].add(grads, mode="promise_in_bounds", wrap_negative_indices=False)


@op(name="EmbeddingBackward0", vjp=_embedding_vjp)
def _embedding(input: Array, weight: Array, padding_idx: int | None, scale_grad_by_freq: bool):
    at, ok, given = _rows(input, weight)
    if not at.size:
        return jnp.zeros((*input.shape, weight.shape[1]), weight.dtype)
    return check(_taken(weight, at), ok, given, _OUT_OF_RANGE)


@op(nondiff=True)
def _renormed(weight: Array, input: Array, max_norm: Scalar, norm_type: float):
    """``weight`` with the rows that ``input`` names scaled down to norm ``max_norm``."""
    at, _, _ = _rows(input, weight)
    used = jnp.zeros(weight.shape[0], bool).at[at.reshape(-1)].set(True)
    norm = jnp.linalg.norm(weight, norm_type, axis=1)
    limit = max_norm.astype(weight.dtype)
    scale = jnp.where(used & (norm > limit), limit / (norm + 1e-7), jnp.ones((), weight.dtype))
    return weight * scale[:, None]


def _renorm(weight, input, max_norm, norm_type):
    before, STATE.grad = STATE.grad, False
    try:
        weight._write(_renormed(weight, input, float(max_norm), float(norm_type)))
    finally:
        STATE.grad = before


def _checked_padding(padding_idx, weight):
    if padding_idx is None:
        return None
    n = weight.shape[0]
    if not -n <= padding_idx < n:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx + n if padding_idx < 0 else padding_idx


def _gradient_of_rows(weight) -> None:
    """Note of a leaf that its gradient is one for SparseAdam. (It is dense all the same: XLA adds
    the rows into zeros, which costs what a pass over the table costs.)"""
    if weight.requires_grad and weight.is_leaf:
        weight._meta.of_rows = True


def embedding(
    input, weight, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
):  # fmt: skip
    """Rows of ``weight`` (n, d) for indices of any shape: (..., d).

    No gradient flows to row ``padding_idx``. ``max_norm`` first scales the rows down, in ``weight``
    itself. ``sparse``: SparseAdam takes the gradient, which is dense as any other; its zero rows
    count as those that were not looked up. IndexError where an index is not in [0, n).
    """
    if sparse:
        _gradient_of_rows(weight)
    padding_idx = _checked_padding(padding_idx, weight)
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    return _embedding(input, weight, padding_idx, scale_grad_by_freq)


# --- bags ---------------------------------------------------------------------------------------


@op(name="EmbeddingBagBackward0")
def _embedding_bag(
    input: Array,
    weight: Array,
    offsets: Array,
    per_sample_weights: Array | None,
    mode: str,
    scale_grad_by_freq: bool,
    padding_idx: int | None,
):
    at, ok, given = _rows(input, weight)
    bags = offsets.shape[0]
    if not at.size:
        return jnp.zeros((bags, weight.shape[1]), weight.dtype)
    places = jnp.arange(at.size, dtype=index_dtype())
    bag = jnp.searchsorted(offsets.astype(places.dtype), places, side="right") - 1
    counted = jnp.ones(at.shape, bool) if padding_idx is None else at != padding_idx
    if scale_grad_by_freq:
        # the value stays, the gradient is divided
        rows = _taken(weight, at)
        often = _taken(_counts(at, weight.shape[0], weight.dtype), at)[:, None]
        rows = rows / often + lax.stop_gradient(rows - rows / often)
    else:
        rows = _taken(weight, at)
    rows = widened(rows)  # half types are summed in float32
    zero = jnp.zeros((), rows.dtype)
    sizes = jax.ops.segment_sum(counted.astype(rows.dtype), bag, bags)[:, None]
    if mode == "max":
        low = jnp.where(counted[:, None], lax.stop_gradient(rows), -jnp.inf).astype(rows.dtype)
        best = jax.ops.segment_max(low, bag, bags)
        here = (low == best[bag]) & counted[:, None]
        first = jnp.where(here, places[:, None], at.size)
        first = jnp.clip(jax.ops.segment_min(first, bag, bags), 0, at.size - 1)
        out = jnp.where(sizes > 0, jnp.take_along_axis(rows, first, 0), zero)
    else:
        if per_sample_weights is not None:
            rows = rows * widened(per_sample_weights)[:, None]
        rows = jnp.where(counted[:, None], rows, zero)
        out = jax.ops.segment_sum(rows, bag, bags)
        if mode == "mean":
            out = out / jnp.maximum(sizes, jnp.ones((), sizes.dtype))
    return check(out.astype(weight.dtype), ok, given, _OUT_OF_RANGE)


def embedding_bag(
    input, weight, offsets=None, max_norm: float | None = None, norm_type: float = 2,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
    per_sample_weights=None, include_last_offset: bool = False, padding_idx: int | None = None,
):  # fmt: skip
    """The sum, mean or max of each bag's rows: bags are the rows of a 2-D ``input``, or the pieces
    of a 1-D one that begin at ``offsets``. (bags, d)."""
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum or mean")
    if sparse:
        if mode == "max":
            raise ValueError("max mode does not support sparse weights")
        _gradient_of_rows(weight)
    if per_sample_weights is not None:
        if mode != "sum":
            raise NotImplementedError(
                "embedding_bag: per_sample_weights was not None. per_sample_weights is only "
                f"supported for mode='sum' (got mode='{mode}'). Please open a feature request on "
                "GitHub."
            )
        if per_sample_weights.shape != input.shape:
            raise ValueError(
                f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, "
                f"then it must have the same shape as the input ({input.shape})"
            )
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                f"of fixed length sequences. However, found offsets of type {type(offsets)}"
            )
        rows, length = input.shape
        offsets = arange(rows) * length
        input = input.reshape(-1)
        per_sample_weights = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    elif input.ndim == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.ndim != 1:
            raise ValueError("offsets has to be a 1D Tensor")
        offsets = offsets[:-1] if include_last_offset else offsets
    else:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}"
        )
    padding_idx = _checked_padding(padding_idx, weight)
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    return _embedding_bag(
        input, weight, offsets, per_sample_weights, mode, scale_grad_by_freq, padding_idx
    )


# --- one-hot vectors ----------------------------------------------------------------------------


@op(nondiff=True)
def _one_hot(input: Array, classes: int):
    index = input.astype(index_dtype())[..., None]
    at = lax.broadcasted_iota(index.dtype, (*input.shape, classes), input.ndim)
    out = (index == at).astype(width(dtypes.int64))
    out = check(out, index >= 0, index, "Class values must be non-negative.", RuntimeError)
    text = "Class values must be smaller than num_classes."
    return check(out, index < classes, index, text, RuntimeError)


def one_hot(tensor, num_classes: int = -1):
    """Zeros with a one at each index, along a new last dimension of ``num_classes``.

    Without ``num_classes`` it is one more than the largest index, which is evaluated for it.
    """
    narrow = tensor.dtype is dtypes.int32 and is_staged()  # 64-bit types may be off there
    if tensor.dtype is not dtypes.int64 and not narrow:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if num_classes == -1:
        if tensor.numel() == 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = int(tensor.max().item()) + 1
    elif num_classes < 1:
        raise RuntimeError("num_classes should be positive")
    return _one_hot(tensor, num_classes)
