"""Functions of (batch, head, query, key) indices, one position at a time, as masks."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from jaxtorch import accelerator, dtypes
from jaxtorch.autograd import no_grad
from jaxtorch.func import vmap
from jaxtorch.ops import comparison, creation
from jaxtorch.tensor import Tensor

__all__ = [
    "and_masks", "create_mask", "default_device", "mask_over", "noop_mask", "or_masks",
    "over_indices", "takes_scores",
]  # fmt: skip

# Which of (batch, head, query, key) each vmap maps, from the innermost to the outermost.
_MAPPED = (
    (None, None, None, 0),
    (None, None, 0, None),
    (None, 0, None, None),
    (0, None, None, None),
)


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """Every query looks at every key."""
    return batch.new_ones((), dtype=dtypes.bool)


def _check_callable(mask_mods: tuple) -> None:
    if not all(map(callable, mask_mods)):
        raise RuntimeError(f"All inputs should be callable mask_mods: {mask_mods}")


def or_masks(*mask_mods: Callable) -> Callable:
    """A mask_mod that is True where one of these is. RuntimeError for what cannot be called."""
    _check_callable(mask_mods)

    def or_mask(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        seen = b.new_zeros((), dtype=dtypes.bool)
        for mask_mod in mask_mods:
            seen = seen | mask_mod(b, h, q_idx, kv_idx)
        return seen

    return or_mask


def and_masks(*mask_mods: Callable) -> Callable:
    """A mask_mod that is True where all of these are. RuntimeError for what cannot be called."""
    _check_callable(mask_mods)

    def and_mask(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        seen = b.new_ones((), dtype=dtypes.bool)
        for mask_mod in mask_mods:
            seen = seen & mask_mod(b, h, q_idx, kv_idx)
        return seen

    return and_mask


def takes_scores(mod: Callable) -> bool:
    """Whether ``mod`` is a score_mod, of five arguments, and not a mask_mod, of four."""
    count = sum(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in inspect.signature(mod).parameters.values()
    )
    if count not in (4, 5):
        raise AssertionError(f"Expected 4 or 5 positional args, got {count}")
    return count == 5


def over_indices(mod: Callable, shape: tuple[int, ...], device, *scores: Tensor) -> Tensor:
    """``mod`` of each position: (batch, heads, queries, keys). With ``scores``, of that shape, it
    gets the position's score first."""
    for dims in _MAPPED:
        mod = vmap(mod, in_dims=(0,) * len(scores) + dims)
    return mod(*scores, *(creation.arange(n, device=device) for n in shape))


def mask_over(mask_mod: Callable, shape: tuple[int, ...], device) -> Tensor:
    """Where a query may look at a key: bool (batch, heads, queries, keys)."""
    with no_grad():
        return over_indices(mask_mod, shape, device)


def default_device(device):
    """The device, or the accelerator, or the CPU: where masks are made unless told otherwise."""
    return device or accelerator.current_accelerator() or "cpu"


def create_mask(
    mod_fn: Callable, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device=None
) -> Tensor:
    """Where a query may look at a key: bool (B, H, Q_LEN, KV_LEN), None being 1.

    ``mod_fn`` is a mask_mod(b, h, q_idx, kv_idx), or a score_mod(score, b, h, q_idx, kv_idx) that
    masks with -inf; AssertionError where it takes neither four arguments nor five.
    """
    device = default_device(device)
    shape = (1 if B is None else B, 1 if H is None else H, Q_LEN, KV_LEN)
    if not takes_scores(mod_fn):
        return mask_over(mod_fn, shape, device)
    scores = creation.zeros(shape, device=device)
    return ~comparison.isneginf(over_indices(mod_fn, shape, device, scores))
