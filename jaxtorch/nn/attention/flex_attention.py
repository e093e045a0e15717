"""Attention whose scores a function changes and another one masks, position by position."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable
from typing import Literal, NamedTuple, TypedDict

from jaxtorch import dtypes
from jaxtorch.amp.autocast_mode import (
    autocast,
    get_autocast_dtype,
    is_autocast_available,
    is_autocast_enabled,
)
from jaxtorch.nn.attention._block_mask import (
    _DEFAULT_SPARSE_BLOCK_SIZE as _DEFAULT_SPARSE_BLOCK_SIZE,
    BlockMask,
    create_block_mask,
    sliced_mask_mod,
)
from jaxtorch.nn.attention._masks import (
    and_masks,
    create_mask,
    mask_over,
    noop_mask,
    or_masks,
    over_indices,
)
from jaxtorch.ops import activation, arithmetic, shaping
from jaxtorch.ops.attention import laid_out_as
from jaxtorch.tensor import Tensor

__all__ = [
    "AuxOutput", "AuxRequest", "BlockMask", "FlexKernelOptions", "and_masks", "create_block_mask",
    "create_mask", "flex_attention", "noop_mask", "or_masks",
]  # fmt: skip

_BACKENDS = ("AUTO", "TRITON", "FLASH", "TRITON_DECODE")


class FlexKernelOptions(TypedDict, total=False):
    """How PyTorch's kernels go about it, also with ``fwd_`` or ``bwd_`` in front. XLA chooses for
    itself, so none makes a difference to the result; a ``BACKEND`` other than AUTO raises."""

    num_warps: int
    num_stages: int
    BLOCK_M: int
    BLOCK_N: int
    BLOCK_M1: int
    BLOCK_N1: int
    BLOCK_M2: int
    BLOCK_N2: int
    PRESCALE_QK: bool
    ROWS_GUARANTEED_SAFE: bool
    BLOCKS_ARE_CONTIGUOUS: bool
    WRITE_DQ: bool
    FORCE_USE_FLEX_ATTENTION: bool
    USE_TMA: bool
    kpack: int
    matrix_instr_nonkdim: int
    waves_per_eu: int
    BACKEND: Literal["AUTO", "TRITON", "FLASH", "TRITON_DECODE"]


class AuxRequest(NamedTuple):
    """What is wanted beside the output."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for: (batch, heads, queries), float32 (float64 for float64); else None."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


def _check_options(options: FlexKernelOptions) -> None:
    backend = options.get("BACKEND", "AUTO")
    if "BACKEND" in options and options.get("FORCE_USE_FLEX_ATTENTION"):
        raise RuntimeError(
            "BACKEND cannot be combined with legacy FORCE_USE_FLEX_ATTENTION: give the BACKEND only"
        )
    if backend not in _BACKENDS:
        raise ValueError(f"Invalid BACKEND value '{backend}'. Must be one of {_BACKENDS}")
    if backend != "AUTO":
        raise NotImplementedError(
            f"flex_attention: kernel_options BACKEND='{backend}' names a kernel of PyTorch's; here "
            "XLA makes the kernel: 'AUTO'"
        )
    for name in options:
        if name in ("OUTPUT_LOGSUMEXP", "OUTPUT_MAX"):
            raise AssertionError(f"{name} must not be in kernel_options")
        if name.removeprefix("fwd_").removeprefix("bwd_") not in FlexKernelOptions.__annotations__:
            raise NotImplementedError(f"flex_attention: kernel_options has no {name!r}")


def _check(query: Tensor, key: Tensor, value: Tensor, enable_gqa: bool) -> None:
    if not query.device == key.device == value.device:
        raise ValueError(
            "Expected query, key, and value to have the same device type, but got query.device: "
            f"{query.device}, key.device: {key.device}, and value.device: {value.device} instead."
        )
    if min(query.dim(), key.dim(), value.dim()) < 2:
        raise ValueError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.dim()}, key.dim: {key.dim()} and value.dim: {value.dim()} instead."
        )
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(
            "Expect query and key/value to have the same embedding dimension but got "
            f"E={query.shape[-1]} and E={key.shape[-1]}."
        )
    if not query.dim() == key.dim() == value.dim() == 4:
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    heads, of_keys = query.shape[1], key.shape[1]
    if not enable_gqa and heads != of_keys:
        raise ValueError(
            "Expect query and key/value to have the same number of heads but got "
            f"Hq={heads} and Hkv={of_keys}. Try setting enable_gqa=True for GQA."
        )
    if heads % of_keys:
        raise ValueError(
            "Expect number of query heads to be a multiple of kv heads for GQA but got "
            f"Hq={heads} and Hkv={of_keys}."
        )


def _check_mask(query: Tensor, key: Tensor, mask: BlockMask | None) -> None:
    batches = query.shape[0], key.shape[0]
    if batches[0] != batches[1]:
        if mask is None or mask.kv_num_blocks.shape[0] != batches[0]:
            made = None if mask is None else mask.kv_num_blocks.shape[0]
            raise ValueError(
                "Expect query and key/value to have the same batch size, or a block_mask of the "
                f"query's, but got Bq={batches[0]}, Bkv={batches[1]}, B_block_mask={made}."
            )
        if batches[1] != 1:
            raise RuntimeError(
                f"Bq and Bkv must broadcast. Got Bq={batches[0]} and Bkv={batches[1]}"
            )
    if mask is None:
        return
    if mask.mask_mod is sliced_mask_mod:
        raise RuntimeError("Cannot use mask_mod from a sliced BlockMask")
    lengths = query.shape[-2], key.shape[-2]
    if lengths != tuple(mask.shape[-2:]):
        short = lengths[0] > mask.shape[-2] or lengths[1] > mask.shape[-1]
        advice = "" if short else ", or crop this one with block_mask._adjust(q_len, kv_len)"
        raise ValueError(
            f"block_mask was created for block_mask.shape={mask.shape} but got q_len={lengths[0]} "
            f"and kv_len={lengths[1]}: create one for these lengths{advice}"
        )
    if query.device != mask.kv_num_blocks.device:
        raise RuntimeError(
            "Expect q/k/v and block_mask to be on the same device but got "
            f"{query.device} and {mask.kv_num_blocks.device}."
        )


def _attend(
    query: Tensor, key: Tensor, value: Tensor, score_mod: Callable | None,
    block_mask: BlockMask | None, scale: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """(output, scores with -inf where masked, bool: the rows all of -inf)."""
    repeats = query.shape[1] // key.shape[1]
    if repeats > 1:
        key, value = (shaping.repeat_interleave(x, repeats, dim=1) for x in (key, value))
    wide = dtypes.float64 if query.dtype is dtypes.float64 else dtypes.float32
    scores = query.to(wide) @ key.to(wide).transpose(-2, -1) * scale
    shape = tuple(scores.shape)
    if score_mod is not None:
        changed = over_indices(score_mod, shape, query.device, scores)
    else:
        changed = scores
    if block_mask is not None and block_mask.mask_mod is not noop_mask:
        seen = mask_over(block_mask.mask_mod, shape, query.device)
        changed = arithmetic.where(seen, changed, -math.inf)
    blind = (changed == -math.inf).all(-1)
    # A row of -inf is zeros, and so are its gradients: softmax would make NaNs of both.
    rows = blind.unsqueeze(-1)
    weights = activation.softmax(changed.masked_fill(rows, 0), -1).masked_fill(rows, 0)
    out = weights.to(query.dtype) @ value.to(query.dtype)
    return laid_out_as(out, query), changed, blind


def flex_attention(
    query: Tensor, key: Tensor, value: Tensor, score_mod: Callable | None = None,
    block_mask: BlockMask | None = None, scale: float | None = None, enable_gqa: bool = False,
    return_lse: bool = False, kernel_options: FlexKernelOptions | None = None, *,
    return_aux: AuxRequest | None = None,
):  # fmt: skip
    """softmax(score_mod(query key^T * scale)) value where ``block_mask.mask_mod`` allows it.

    Shapes: query (B, Hq, L, E), key (B, Hkv, S, E), value (B, Hkv, S, Ev) to (B, Hq, L, Ev); with
    ``enable_gqa`` Hq is a multiple of Hkv; where B of key and value is 1, that of the query may be
    the mask's. ``score_mod(score, b, h, q_idx, kv_idx)`` and the mask_mod see one position and run
    under ``vmap``; gradients flow to what score_mod takes from elsewhere. A query that may look
    nowhere gives zeros. ``scale`` is 1/sqrt(E) unless given. With ``return_aux``: (output,
    AuxOutput), of which ``lse`` is the log of the sum of exp(scores), -inf for such a query, and
    ``max_scores`` the greatest score; ``return_lse`` (deprecated): (output, lse). The scores are
    kept in float32 for half types. PyTorch has gradients and max_scores on GPUs only. Paper:
    https://arxiv.org/abs/2412.05496
    """
    _check(query, key, value, enable_gqa)
    _check_mask(query, key, block_mask)
    if return_lse and return_aux is not None:
        raise ValueError(
            "Cannot specify both return_lse and return_aux: the latter is AuxRequest(lse=True)"
        )
    if return_lse:
        warnings.warn(
            "return_lse is deprecated: use return_aux=AuxRequest(lse=True)",
            FutureWarning,
            stacklevel=2,
        )
    _check_options(kernel_options or {})
    device = query.device.type
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    listed = is_autocast_available(device)
    if listed and is_autocast_enabled(device):
        lower = get_autocast_dtype(device)
        query, key, value = (
            x if x.dtype is dtypes.float64 else x.to(lower) for x in (query, key, value)
        )
    with autocast(device, enabled=False) if listed else contextlib.nullcontext():
        out, scores, blind = _attend(query, key, value, score_mod, block_mask, scale)
        lse = top = None
        if return_lse or (return_aux is not None and return_aux.lse):
            lse = scores.masked_fill(blind.unsqueeze(-1), 0).logsumexp(-1)
            lse = lse.masked_fill(blind, -math.inf)
        if return_aux is not None and return_aux.max_scores:
            top = scores.max(-1).values
    if return_aux is not None:
        return out, AuxOutput(lse, top)
    return (out, lse) if return_lse else out
