"""The cross entropy of a linear layer's scores, whole or chunk by chunk of the batch."""

from __future__ import annotations

import dataclasses
import math
import warnings

import jax
import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops._op import Array, check, op
from jaxtorch.ops._promote import cast
from jaxtorch.ops.class_loss import _Classes, _logsumexp, cross_entropy
from jaxtorch.ops.linear import linear
from jaxtorch.ops.loss import reduction_of

_POLICIES = ("auto", "accurate", "balanced", "compact")
_ACCUMULATORS = (None, dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)


@dataclasses.dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How ``linear_cross_entropy`` cuts the batch up, so that the scores (N, C) never stand whole.

    ``batch_chunk_size`` rows at a time, or as many as ``chunking_method`` finds: "aspect_ratio:n"
    makes a chunk's scores an n-th as large as the input, "auto" is "aspect_ratio" for half types on
    the CPU and "aspect_ratio:2" elsewhere. Scores and sums are kept in ``acc_dtype``, by default
    float32 for half types; XLA keeps all of them so, and the ``acc_policy`` of PyTorch's kernels
    ("accurate", "balanced", "compact") makes no difference in the result. ``allow_retain_graph``
    is always so: nothing is overwritten in backward.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: dtypes.dtype | None = None

    def __post_init__(self) -> None:
        if self.acc_policy not in _POLICIES:
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}")
        if self.chunking_method not in (None, "auto"):
            name, colon, factor = self.chunking_method.partition(":")
            factor = factor if colon else "1"
            if name != "aspect_ratio" or not factor.isdigit() or int(factor) < 1:
                raise ValueError(f"invalid chunking_method: {self.chunking_method!r}")
        size = self.batch_chunk_size
        if size is not None and (not isinstance(size, int) or size <= 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size!r}")
        if self.acc_dtype not in _ACCUMULATORS:
            raise ValueError(
                "acc_dtype must be one of {None, torch.float16, torch.bfloat16, torch.float32, "
                f"torch.float64}}, got {self.acc_dtype!r}. Pass acc_dtype=None to let the op pick "
                "automatically."
            )

    def chunk_size(self, input, classes: int) -> int:
        """Rows a chunk for an input (N, features)."""
        rows, features = input.shape
        method, given = self.chunking_method, self.batch_chunk_size
        if method == "auto":
            on_cpu = input.device.type == "cpu" and input.dtype in dtypes.HALF_TYPES
            usual = "aspect_ratio" if on_cpu else "aspect_ratio:2"
            method = usual if given is None else None
        if method is None:
            return max(1, rows if given is None else min(given, rows))
        factor = int(method.partition(":")[2] or 1)
        wanted = -(-rows // -(-classes // features))
        size = min((1 << (wanted - 1).bit_length()) // factor, rows) if wanted else 0
        if given is not None and given != size:
            raise ValueError(
                f"batch_chunk_size (={given}) and chunking_method ('{method}') give different "
                f"chunk sizes ({given} vs {size}); pass only one."
            )
        return max(1, size)

    def accumulator(self, input) -> dtypes.dtype:
        half = input.dtype in dtypes.HALF_TYPES
        if self.acc_dtype is None:
            return dtypes.float32 if half and self.acc_policy == "auto" else input.dtype
        if self.acc_dtype is not input.dtype and not (half and self.acc_dtype is dtypes.float32):
            raise RuntimeError(
                "linear_cross_entropy supports float32 acc_dtype with float16/bfloat16 inputs, but "
                f"got {self.acc_dtype} acc_dtype and {input.dtype} inputs."
            )
        return self.acc_dtype


@op(name="LinearCrossEntropyBackward0")
def _chunked(
    input: Array, linear_weight: Array, target: Array, linear_bias: Array | None,
    weight: Array | None, reduction: str, ignore_index: int, size: int, acc: dtypes.dtype,
):  # fmt: skip
    """input (N, E), linear_weight (C, E), target (N,). A chunk's scores are made again in
    backward."""
    rows, classes = input.shape[0], linear_weight.shape[0]
    table = cast(linear_weight, acc)
    missing = -rows % size
    inputs = jnp.pad(cast(input, acc), ((0, missing), (0, 0))).reshape(-1, size, input.shape[1])
    targets = jnp.pad(target, (0, missing), constant_values=ignore_index).reshape(-1, size)

    @jax.checkpoint
    def each(x, t):
        scores = lax.dot_general(x, table, (((1,), (1,)), ((), ())))
        if linear_bias is not None:
            scores = scores + jnp.broadcast_to(cast(linear_bias, acc), scores.shape)
        found = _Classes(scores, t, weight, ignore_index)
        loss = (_logsumexp(scores, 1) - found.pick(scores)) * found.share
        return jnp.where(found.valid, loss, jnp.zeros((), loss.dtype)), found.share

    loss, share = lax.map(lambda pair: each(*pair), (inputs, targets))
    loss = loss.reshape(-1)[:rows]
    if reduction != "none":
        loss = loss.sum(dtype=loss.dtype)
    if reduction == "mean":
        loss = loss / share.sum(dtype=loss.dtype)
    ok = (target >= 0) & (target < classes) | (target == ignore_index)
    loss = cast(loss, dtypes.from_numpy_dtype(input.dtype))
    return check(loss, ok, target, "Target {value} is out of bounds.")


def _check(input, linear_weight, linear_bias) -> None:
    if input.ndim not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}")
    if linear_weight.ndim < 2:
        raise RuntimeError(
            f"expected linear_weight with dimensionality at least 2, got {linear_weight.ndim}"
        )
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {linear_weight.shape[-1]}, respectively"
        )
    wanted = tuple(linear_weight.shape[:-1])
    if linear_bias is not None and tuple(linear_bias.shape) != wanted:
        raise RuntimeError(f"expected linear_bias shape {wanted}, got {tuple(linear_bias.shape)}")
    if len(wanted) > 1 and input.ndim == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} "
            f"requires batched input, (N, {input.shape[-1]}), got unbatched input with shape "
            f"{tuple(input.shape)}"
        )


def linear_cross_entropy(
    input, linear_weight, target, *, linear_bias=None, weight=None, reduction: str = "mean",
    ignore_index: int | None = None, label_smoothing: float = 0.0, options=None,
):  # fmt: skip
    """``cross_entropy(linear(input, linear_weight, linear_bias), target)``.

    input (N, E) or (E,), linear_weight (C, d..., E), target (N, d...) or probabilities (N, C,
    d...). ``options`` (LinearCrossEntropyOptions) take the batch chunk by chunk, for classes.
    """
    _check(input, linear_weight, linear_bias)
    classes, *rest = linear_weight.shape[:-1]
    shape = (*input.shape[:-1], classes, *rest)
    if tuple(target.shape) == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    ignore_index = -100 if ignore_index is None else ignore_index
    if options is not None:
        may = not rest and label_smoothing == 0 and target.dtype is dtypes.int64
        if may and reduction in ("none", "mean", "sum"):
            whole = input if input.ndim == 2 else input.unsqueeze(0)
            loss = _chunked(
                whole, linear_weight, target if input.ndim == 2 else target.unsqueeze(0),
                linear_bias, weight, reduction_of(reduction), ignore_index,
                options.chunk_size(whole, classes), options.accumulator(whole),
            )  # fmt: skip
            return loss if input.ndim == 2 or loss.ndim == 0 else loss.squeeze(0)
        warnings.warn(
            "linear_cross_entropy: ``options`` ignored; chunked path needs reduction in "
            "{'mean','sum','none'}, label_smoothing == 0, target.dtype == int64, out_features == "
            f"(). Got reduction={reduction!r}, label_smoothing={label_smoothing}, "
            f"target.dtype={target.dtype}, out_features={tuple(rest)}.",
            stacklevel=2,
        )
    if rest:
        count = math.prod(rest, start=classes)
        linear_weight = linear_weight.reshape(count, input.shape[-1])
        linear_bias = None if linear_bias is None else linear_bias.reshape(count)
    scores = linear(input, linear_weight, linear_bias).reshape(shape)
    return cross_entropy(
        scores, target, weight, ignore_index=ignore_index, reduction=reduction,
        label_smoothing=label_smoothing,
    )  # fmt: skip
