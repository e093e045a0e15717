"""BlockMask: which blocks of queries look at which blocks of keys.

A row of blocks is an *ordered* list: how many blocks of keys it looks at, and the indices of all
blocks with those in front.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable

import jax

from jaxtorch import dtypes
from jaxtorch.nn.attention._masks import create_mask, default_device, noop_mask, takes_scores
from jaxtorch.nn.functional import pad
from jaxtorch.ops import arithmetic, creation, sorting
from jaxtorch.tensor import Tensor

__all__ = ["BlockMask", "create_block_mask", "sliced_mask_mod"]

_DEFAULT_SPARSE_BLOCK_SIZE = 128

_TENSORS = (
    "kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_num_blocks",
    "q_indices", "full_q_num_blocks", "full_q_indices", "dq_write_order", "dq_write_order_full",
    "dq_kv_order",
)  # fmt: skip


def sliced_mask_mod(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """The mask_mod of a BlockMask that was indexed: what its indices mean, only the user knows."""
    raise RuntimeError(
        "Cannot use mask_mod from a sliced BlockMask: set its mask_mod to one made from the "
        "original's, such as lambda b, h, q, k: original.mask_mod(b, h, q + offset, k)"
    )


def _to_dense(num_blocks: Tensor, indices: Tensor, columns: int) -> Tensor:
    """int32 (..., rows, columns): 1 where a block is listed."""
    place = creation.arange(indices.shape[-1], device=indices.device)
    listed = arithmetic.where(place < num_blocks.unsqueeze(-1), indices, columns)
    blank = indices.new_zeros((*indices.shape[:-1], columns + 1), dtype=dtypes.int32)
    return blank.scatter(-1, listed.long(), 1)[..., :columns].contiguous()


def _to_ordered(dense: Tensor) -> tuple[Tensor, Tensor]:
    """(how many blocks, their indices first), int32, of a dense one of 0 and 1."""
    order = sorting.argsort(dense.int(), dim=-1, descending=True, stable=True)
    return dense.sum(-1).int(), order.int()


def _transposed(num_blocks: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
    return _to_ordered(_to_dense(num_blocks, indices, indices.shape[-1]).transpose(-2, -1))


def _cropped(num_blocks: Tensor, indices: Tensor, rows: int, columns: int) -> tuple:
    """The lists of the upper left corner. The blocks counted are those whose index is below the
    count, as in PyTorch: right for lists in rising order without gaps, as a causal mask has."""
    indices = indices[:, :, :rows, :columns]
    most = num_blocks[:, :, :rows].clamp(max=columns)
    return (indices < most.unsqueeze(-1)).sum(-1).int(), indices


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _check_pairs(**pairs) -> None:
    for name, (first, second) in pairs.items():
        if (first is None) != (second is None):
            raise AssertionError(
                f"full_{name}_num_blocks and full_{name}_indices must be both provided or omitted"
            )


class BlockMask:
    """A mask (batch, heads, queries, keys) in blocks.

    Each row of Q blocks lists the KV blocks it looks at: ``kv_num_blocks`` (B, H, rows) and
    ``kv_indices`` (B, H, rows, columns) those in which ``mask_mod`` decides, ``full_kv_*`` those
    in which every query looks at every key; ``q_*`` are the same lists by columns. As PyTorch's
    eager function does, ``flex_attention`` asks ``mask_mod`` everywhere and not the lists, which
    are for kernels: let the two agree. ``dq_*`` say in which order a kernel may write gradients.
    """

    def __init__(
        self, seq_lengths: tuple[int, int], kv_num_blocks: Tensor, kv_indices: Tensor,
        full_kv_num_blocks: Tensor | None, full_kv_indices: Tensor | None,
        q_num_blocks: Tensor | None, q_indices: Tensor | None, full_q_num_blocks: Tensor | None,
        full_q_indices: Tensor | None,
        BLOCK_SIZE: tuple[int, int] = (_DEFAULT_SPARSE_BLOCK_SIZE, _DEFAULT_SPARSE_BLOCK_SIZE),
        mask_mod: Callable = noop_mask, *, dq_write_order: Tensor | None = None,
        dq_write_order_full: Tensor | None = None, dq_kv_order: Tensor | None = None,
        dq_kv_order_spt: bool | None = None,
    ) -> None:  # fmt: skip
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        if kv_num_blocks is None:
            raise AssertionError("kv_num_blocks must be provided")
        _check_pairs(
            kv=(full_kv_num_blocks, full_kv_indices), q=(full_q_num_blocks, full_q_indices)
        )
        if dq_write_order_full is not None and dq_write_order is None:
            raise ValueError("dq_write_order_full requires dq_write_order")
        self.seq_lengths = seq_lengths
        self.kv_num_blocks, self.kv_indices = kv_num_blocks, kv_indices
        self.full_kv_num_blocks, self.full_kv_indices = full_kv_num_blocks, full_kv_indices
        self.q_num_blocks, self.q_indices = q_num_blocks, q_indices
        self.full_q_num_blocks, self.full_q_indices = full_q_num_blocks, full_q_indices
        self.dq_write_order, self.dq_write_order_full = dq_write_order, dq_write_order_full
        self.dq_kv_order, self.dq_kv_order_spt = dq_kv_order, dq_kv_order_spt
        self.BLOCK_SIZE, self.mask_mod = BLOCK_SIZE, mask_mod

    @classmethod
    def from_kv_blocks(
        cls, kv_num_blocks: Tensor, kv_indices: Tensor, full_kv_num_blocks: Tensor | None = None,
        full_kv_indices: Tensor | None = None,
        BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE,
        mask_mod: Callable | None = None, seq_lengths: tuple[int, int] | None = None,
        compute_q_blocks: bool = True, *, dq_write_order: Tensor | None = None,
        dq_write_order_full: Tensor | None = None, dq_kv_order: Tensor | bool | None = None,
    ) -> BlockMask:  # fmt: skip
        """The mask of these lists by rows; those by columns are made from them."""
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        _check_pairs(kv=(full_kv_num_blocks, full_kv_indices))
        if dq_kv_order is not None and not isinstance(dq_kv_order, bool | Tensor):
            raise ValueError("dq_kv_order must be a bool, Tensor, or None")
        columns = full_columns = (None, None)
        if compute_q_blocks:
            columns = _transposed(kv_num_blocks, kv_indices)
            if full_kv_num_blocks is not None and full_kv_indices is not None:
                full_columns = _transposed(full_kv_num_blocks, full_kv_indices)
        size = _pair(BLOCK_SIZE)
        if seq_lengths is None:
            seq_lengths = (kv_indices.shape[-2] * size[0], kv_indices.shape[-1] * size[1])
        return cls(
            seq_lengths, kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices,
            *columns, *full_columns, size, noop_mask if mask_mod is None else mask_mod,
            dq_write_order=dq_write_order, dq_write_order_full=dq_write_order_full,
            dq_kv_order=dq_kv_order if isinstance(dq_kv_order, Tensor) else None,
            dq_kv_order_spt=dq_kv_order if isinstance(dq_kv_order, bool) else None,
        )  # fmt: skip

    def as_tuple(self, flatten: bool = True) -> tuple:
        """All of it; ``flatten=False`` leaves the lengths and the block size tuples."""
        lengths, size = tuple(self.seq_lengths[:2]), tuple(self.BLOCK_SIZE[:2])
        tensors = (getattr(self, name) for name in _TENSORS)
        if not flatten:
            lengths, size = (self.seq_lengths,), (self.BLOCK_SIZE,)
        return (*lengths, *tensors, self.dq_kv_order_spt, *size, self.mask_mod)

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self) -> int:
        """How many elements the mask stands for."""
        count = 1
        for n in self.shape:
            count *= n
        return count

    def sparsity(self) -> float:
        """The percentage that is not computed; below 0 where the last blocks are not whole."""
        blocks = self.kv_num_blocks.sum().item()
        if self.full_kv_num_blocks is not None:
            blocks += self.full_kv_num_blocks.sum().item()
        return 100 * (1 - blocks * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1] / self.numel())

    def to_dense(self) -> Tensor:
        """int32 (..., rows of blocks, columns of blocks): 1 for a block that is computed."""
        dense = _to_dense(self.kv_num_blocks, self.kv_indices, self.kv_indices.shape[-1])
        if self.full_kv_num_blocks is None or self.full_kv_indices is None:
            return dense
        columns = self.full_kv_indices.shape[-1]
        return dense | _to_dense(self.full_kv_num_blocks, self.full_kv_indices, columns)

    def to(self, device) -> BlockMask:
        """The same mask with its tensors on another device."""
        return self._with(lambda t: t.to(device))

    def _with(self, change: Callable) -> BlockMask:
        tensors = {name: getattr(self, name) for name in _TENSORS}
        return BlockMask(
            self.seq_lengths,
            **{name: None if t is None else change(t) for name, t in tensors.items()},
            BLOCK_SIZE=self.BLOCK_SIZE,
            mask_mod=self.mask_mod,
            dq_kv_order_spt=self.dq_kv_order_spt,
        )

    def _check_order(self, what: str) -> None:
        if self.dq_kv_order is not None:
            raise NotImplementedError(
                f"{what} BlockMask with tensor dq_kv_order is not supported yet: make a new one "
                "with a dq_write_order that fits"
            )

    def _of(self, lists: Callable, mask_mod: Callable, seq_lengths: tuple[int, int]) -> BlockMask:
        """``lists(num_blocks, indices)`` of each pair by rows, as a mask of the same kind."""
        full = (None, None)
        if self.full_kv_num_blocks is not None:
            full = lists(self.full_kv_num_blocks, self.full_kv_indices)
        made = BlockMask.from_kv_blocks(
            *lists(self.kv_num_blocks, self.kv_indices), *full, self.BLOCK_SIZE, mask_mod,
            seq_lengths, self.q_indices is not None, dq_kv_order=self.dq_kv_order_spt,
        )  # fmt: skip
        if self.dq_write_order is not None:
            made._order_writes()
        return made

    def __getitem__(self, index) -> BlockMask:
        """The mask of these batches, heads and rows of blocks, by ints (whose dimension stays),
        slices or tensors. Its ``mask_mod`` has to be set anew: used as it is, it raises."""
        self._check_order("Slicing")
        index = index if isinstance(index, tuple) else (index,)
        whole = (*index, slice(None), slice(None), slice(None))[:3]
        sizes = self.kv_num_blocks.shape[:3]
        where = tuple(
            slice(i + n, i + n + 1)
            if isinstance(i, int) and -n <= i < 0
            else slice(i, i + 1)
            if isinstance(i, int)
            else i
            for i, n in zip(whole, sizes, strict=True)
        )
        return self._of(
            lambda number, indices: (number[where], indices[where]),
            sliced_mask_mod,
            self.seq_lengths,
        )

    def _adjust(self, new_q_len: int, new_kv_len: int) -> BlockMask:
        """The mask's upper left corner of these lengths."""
        self._check_order("Adjusting")
        rows, columns = -(-new_q_len // self.BLOCK_SIZE[0]), -(-new_kv_len // self.BLOCK_SIZE[1])
        return self._of(
            lambda number, indices: _cropped(number, indices, rows, columns),
            self.mask_mod,
            (new_q_len, new_kv_len),
        )

    def _order_writes(self) -> None:
        """``dq_write_order``: the rank of each listed block among those of its row, by columns;
        from the last one where ``dq_kv_order_spt``."""
        if self.q_indices is None:
            raise ValueError(
                "BlockMask must have q_num_blocks and q_indices to compute dq_write_order"
            )
        dense = self.to_dense()
        upto = dense.cumsum(-1)
        rank = upto[..., -1:] - 1 - (upto - dense) if self.dq_kv_order_spt else upto - dense
        rank = rank.int().transpose(-2, -1)
        self.dq_write_order = rank.gather(-1, self.q_indices.long())
        self.dq_write_order_full = None
        if self.full_q_indices is not None:
            self.dq_write_order_full = rank.gather(-1, self.full_q_indices.long())

    def to_string(self, grid_size: int | tuple[int, int] = (20, 20), limit: int = 4) -> str:
        """A picture of at most ``limit`` heads: █ computed, ░ in part, blank not at all, two
        characters a cell and at most ``grid_size`` cells; -1 for a cell a block."""
        dense = self.to_dense().numpy()
        most = _pair(grid_size)
        steps = [max(1, -(-n // m)) for n, m in zip(dense.shape[-2:], most, strict=True)]
        starts = [range(0, n, step) for n, step in zip(dense.shape[-2:], steps, strict=True)]

        def cell(part) -> str:
            return "█" if part.all() else "░" if part.any() else " "

        pictures = []
        for count, which in enumerate(itertools.product(*map(range, dense.shape[:-2]))):
            if count == limit:
                pictures += [
                    "...",
                    "To print out more, set BlockMask.to_string(limit=N)",
                    "You can also index (BlockMask[batch, head]) to choose a specific batch or "
                    "head",
                ]
                break
            rows = [
                "".join(
                    2 * cell(dense[which][r : r + steps[0], c : c + steps[1]]) for c in starts[1]
                )
                for r in starts[0]
            ]
            pictures.append("\n".join([str(which), *rows, ""]))
        return "\n".join(pictures)

    def __str__(self) -> str:
        head = f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n"
        return f"{head}{self.to_string().strip()}\n)"

    def __repr__(self) -> str:
        shapes = {
            name: None if getattr(self, name) is None else getattr(self, name).shape
            for name in _TENSORS[:8]
        }
        facts = {
            **shapes,
            "BLOCK_SIZE": self.BLOCK_SIZE,
            "shape": self.shape,
            "sparsity": f"{self.sparsity():.2f}%",
            "mask_mod": getattr(self.mask_mod, "__name__", self.mask_mod),
        }
        return "BlockMask(\n    " + ",\n    ".join(f"{k}={v}" for k, v in facts.items()) + "\n)"


def _flatten(mask: BlockMask) -> tuple:
    tensors = tuple(getattr(mask, name) for name in _TENSORS)
    return tensors, (mask.seq_lengths, mask.BLOCK_SIZE, mask.mask_mod, mask.dq_kv_order_spt)


def _unflatten(context: tuple, tensors) -> BlockMask:
    made = object.__new__(BlockMask)  # JAX puts things that are no tensors there too
    vars(made).update(zip(_TENSORS, tensors, strict=True))
    made.seq_lengths, made.BLOCK_SIZE, made.mask_mod, made.dq_kv_order_spt = context
    return made


jax.tree_util.register_pytree_node(BlockMask, _flatten, _unflatten)


def _blocks_of(mask: Tensor, size: tuple[int, int], separate_full_blocks: bool) -> tuple:
    """(partial, full) blocks of a mask (B, H, queries, keys), int8; full is None unless asked."""
    if mask.dtype is not dtypes.bool:
        raise AssertionError(f"mask.dtype must be torch.bool, got {mask.dtype}")
    rows, columns = (-(-n // s) for n, s in zip(mask.shape[-2:], size, strict=True))
    missing = (columns * size[1] - mask.shape[-1], rows * size[0] - mask.shape[-2])
    mask = pad(mask, (0, missing[0], 0, missing[1]))
    counts = mask.view(*mask.shape[:2], rows, size[0], columns, size[1]).sum((-3, -1))
    if not separate_full_blocks:
        return (counts > 0).to(dtypes.int8), None
    full = counts == size[0] * size[1]
    return ((counts > 0) & ~full).to(dtypes.int8), full.to(dtypes.int8)


def create_block_mask(
    mask_mod: Callable, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device=None,
    BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE, _compile: bool = False,
    separate_full_blocks: bool = True, compute_dq_write_order: bool = False,
    dq_kv_order: bool = True,
) -> BlockMask:  # fmt: skip
    """The BlockMask (B, H, Q_LEN, KV_LEN) of mask_mod(b, h, q_idx, kv_idx), None being 1.

    Without ``separate_full_blocks``, mask_mod decides in full blocks too. ``dq_kv_order``: whether
    the order of writes goes from a row's last block to its first.
    """
    if takes_scores(mask_mod):
        raise AssertionError(f"create_block_mask requires a mask_mod function! Got {mask_mod}")
    if _compile:
        warnings.warn(
            "_compile is deprecated in PyTorch, and makes no difference here: XLA compiles.",
            DeprecationWarning,
            stacklevel=2,
        )
    if not isinstance(dq_kv_order, bool):
        raise ValueError("dq_kv_order must be a bool when using create_block_mask")
    size = _pair(BLOCK_SIZE)
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, default_device(device))
    partial, full = _blocks_of(mask, size, separate_full_blocks)
    made = BlockMask.from_kv_blocks(
        *_to_ordered(partial),
        *((None, None) if full is None else _to_ordered(full)),
        BLOCK_SIZE=size,
        mask_mod=mask_mod,
        seq_lengths=(Q_LEN, KV_LEN),
    )
    if compute_dq_write_order:
        made.dq_kv_order_spt = dq_kv_order
        made._order_writes()
    return made
