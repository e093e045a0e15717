"""Connectionist temporal classification: the probability of a label sequence under per-step scores.

The labels, with a blank before, between and after them, are 2 S + 1 states. One scan over time adds
up, in logarithms, all ways to be in each state (A. Graves and others, ICML 2006, equations 6 to 8).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxtorch.ops._op import Array, check, index_dtype, op
from jaxtorch.ops._promote import not_implemented
from jaxtorch.ops.data import is_tensor, tensor
from jaxtorch.ops.loss import reduction_of
from jaxtorch.ops.sampling import is_staged

CALLER = "ctc_loss_allocate_outputs"


def _padded(targets, lengths, longest: int):
    """Concatenated targets as rows of ``longest``."""
    start = jnp.cumsum(lengths) - lengths
    at = start[:, None] + jnp.arange(longest, dtype=start.dtype)[None]
    return jnp.take(targets, jnp.clip(at, 0, max(targets.shape[0] - 1, 0)), mode="clip")


def _states(targets, blank: int):
    """Each row's labels with blanks around them: (N, 2 S + 1)."""
    n, longest = targets.shape
    states = jnp.full((n, 2 * longest + 1), blank, targets.dtype)
    return states.at[:, 1::2].set(targets)


def _log_sum(*terms):
    """log(sum(exp)), -inf where all are, and then without a gradient."""
    terms = jnp.stack(terms)
    top = lax.stop_gradient(terms.max(0, keepdims=True))
    top = jnp.where(jnp.isneginf(top), 0, top)
    total = jnp.exp(terms - top).sum(0)
    some = total > 0
    return jnp.where(some, jnp.log(jnp.where(some, total, 1)) + top[0], -jnp.inf)


def _negative_log_likelihood(log_probs, targets, input_lengths, target_lengths, blank: int):
    """(T, N, C) and (N, S) -> (N,)."""
    steps, n, classes = log_probs.shape
    states = jnp.clip(_states(targets, blank), 0, classes - 1)
    where = jnp.broadcast_to(states, (steps, *states.shape))
    scores = jnp.take_along_axis(log_probs, where, 2, mode="promise_in_bounds")
    # a label may be reached past its blank unless the label before the blank is the same
    may_skip = jnp.pad(states[:, 2:] != states[:, :-2], ((0, 0), (2, 0)))[:, : states.shape[1]]

    def shifted(alpha, by):
        return jnp.pad(alpha, ((0, 0), (by, 0)), constant_values=-jnp.inf)[:, : alpha.shape[1]]

    def step(alpha, now):
        t, score = now
        skipped = jnp.where(may_skip, shifted(alpha, 2), -jnp.inf)
        moved = _log_sum(alpha, shifted(alpha, 1), skipped) + score
        return jnp.where((t < input_lengths)[:, None], moved, alpha), None

    # Before the first step one is in front of the first state; no input and no label: certain.
    end = 2 * target_lengths[:, None]
    if steps == 0:
        return jnp.where(end[:, 0] == 0, 0, jnp.inf).astype(log_probs.dtype)
    begins = jnp.arange(states.shape[1])[None] < 2
    alpha = jnp.where(begins, scores[0], -jnp.inf)
    alpha, _ = lax.scan(step, alpha, (jnp.arange(1, steps, dtype=index_dtype()), scores[1:]))
    last = jnp.take_along_axis(alpha, end, 1, mode="clip")[:, 0]
    before = jnp.take_along_axis(alpha, jnp.maximum(end - 1, 0), 1, mode="clip")[:, 0]
    before = jnp.where(target_lengths == 0, -jnp.inf, before)
    empty = jnp.where(target_lengths == 0, 0, -jnp.inf).astype(log_probs.dtype)
    return -jnp.where(input_lengths == 0, empty, _log_sum(last, before))


def _arguments(log_probs, targets, input_lengths, target_lengths, longest):
    """Targets as rows, and everything that counts as indices."""
    inputs, lengths = (a.astype(index_dtype()) for a in (input_lengths, target_lengths))
    targets = targets.astype(index_dtype())
    if targets.ndim == 1:
        targets = _padded(targets, lengths, longest)
    return targets, inputs, lengths


def _ctc_vjp(needs, args, statics, out, grads):
    """torch's own gradient, which takes log_probs for a log_softmax: exp(log_probs) - posterior.

    Behind the log_softmax it is the plain one; NaN where the loss is infinite.
    """
    log_probs = args[0]
    targets, inputs, lengths = _arguments(*args, statics["longest"])

    def loss(x):
        return _negative_log_likelihood(x, targets, inputs, lengths, statics["blank"])

    found, pull = jax.vjp(loss, log_probs)
    (minus_posterior,) = pull(jnp.ones_like(found))
    grad = (jnp.exp(log_probs) + minus_posterior) * grads[None, :, None]
    lost = jnp.isposinf(found)[None, :, None]
    grad = jnp.where(lost, jnp.zeros((), grad.dtype) if statics["zero_infinity"] else jnp.nan, grad)
    steps = jnp.arange(log_probs.shape[0], dtype=index_dtype())
    grad = jnp.where((steps[:, None] < inputs[None])[..., None], grad, jnp.zeros((), grad.dtype))
    return grad, None, None, None


@op(name="CtcLossBackward0", vjp=_ctc_vjp)
def _ctc_loss(
    log_probs: Array, targets: Array, input_lengths: Array, target_lengths: Array, blank: int,
    longest: int, zero_infinity: bool,
):  # fmt: skip
    """Of each sequence: (N,)."""
    if log_probs.dtype not in (jnp.float32, jnp.float64):
        raise not_implemented("ctc_loss_cpu", log_probs)
    steps, n, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    for name, lengths in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        if lengths.size != n:
            raise RuntimeError(f"{name} must be of size batch_size")
    if targets.ndim == 2 and targets.shape[0] != n:
        raise RuntimeError(
            f"Expected tensor to have size {n} at dimension 0, but got size {targets.shape[0]} for "
            f"argument #2 'targets' (while checking arguments for {CALLER})"
        )
    rows, inputs, lengths = _arguments(log_probs, targets, input_lengths, target_lengths, longest)
    loss = _negative_log_likelihood(log_probs, rows, inputs, lengths, blank)
    if zero_infinity:
        loss = jnp.where(jnp.isposinf(loss), jnp.zeros((), loss.dtype), loss)
    return _checked(loss, inputs, lengths, targets.shape, steps)


def _checked(loss, inputs, lengths, shape, steps: int):
    """What only the lengths' values can tell."""
    about = f"(while checking arguments for {CALLER})"
    for name, given in (("input", inputs), ("target", lengths)):
        text = f"Expected {name}_lengths to have value at least 0, but got value {{value}} {about}"
        loss = check(loss, given >= 0, given, text, RuntimeError)
    text = f"Expected input_lengths to have value at most {steps}, but got value {{value}} {about}"
    loss = check(loss, inputs <= steps, inputs, text, RuntimeError)
    wanted = "at least {value} at dimension 1" if len(shape) == 2 else "{value} at dimension 0"
    text = (
        f"Expected tensor to have size {wanted}, but got size {shape[-1]} for argument #2 "
        f"'targets' {about}"
    )
    if len(shape) == 2:
        return check(loss, lengths <= shape[1], lengths, text, RuntimeError)
    return check(loss, lengths.sum() == shape[0], lengths.sum(), text, RuntimeError)


def _lengths(lengths, name: str):
    if not is_tensor(lengths):
        return tensor(list(lengths))
    if lengths.dtype.is_floating_point or lengths.dtype.is_complex:
        raise RuntimeError(f"{name} must be integral")
    return lengths.reshape(-1)


def ctc_loss(
    log_probs, targets, input_lengths, target_lengths, blank: int = 0, reduction="mean",
    zero_infinity: bool = False,
):  # fmt: skip
    """Minus the log-probability of each target sequence, over all its alignments with the input.

    log_probs (T, N, C) or (T, C), logarithms; targets (N, S), or concatenated in one dimension, in
    which case the longest of target_lengths is looked at; lengths (N,), or without N. A mean
    divides by the target lengths first. ``zero_infinity`` makes targets that do not fit the input
    count nothing. torch.ctc_loss's reductions 0, 1, 2 are "none", "mean", "sum".
    """
    if not isinstance(reduction, str):
        reduction = ("none", "mean", "sum")[reduction]
    reduction = reduction_of(reduction)
    input_lengths = _lengths(input_lengths, "input_lengths")
    target_lengths = _lengths(target_lengths, "target_lengths")
    batched = log_probs.ndim == 3
    if log_probs.ndim not in (2, 3) or targets.ndim not in (1, 2):
        raise RuntimeError(
            f"ctc_loss expects log_probs of 2 or 3 and targets of 1 or 2 dimensions, but got "
            f"{list(log_probs.shape)} and {list(targets.shape)}"
        )
    if not batched:
        log_probs = log_probs.unsqueeze(1)
    longest = 0
    if targets.ndim == 1:
        longest = targets.shape[0]
        if not is_staged() and target_lengths.numel() > 1:
            longest = min(longest, max(0, int(target_lengths.max().item())))
    loss = _ctc_loss(
        log_probs, targets, input_lengths, target_lengths, int(blank), longest, bool(zero_infinity)
    )
    if reduction == "mean":
        return (loss / target_lengths.clamp_min(1).to(loss.dtype)).mean()
    if reduction == "sum":
        return loss.sum()
    return loss if batched else loss.squeeze(0)
