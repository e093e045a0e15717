"""vmap: a function of one example as a function of a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax._src.tree_util import broadcast_prefix

from jaxtorch import random
from jaxtorch.engine.graph import STATE
from jaxtorch.func._outer import differentiable
from jaxtorch.func._trees import arrays, in_order, is_tensor, shell, value
from jaxtorch.ops.shaping import cat
from jaxtorch.ops.slicing import narrow
from jaxtorch.ops.views import movedim
from jaxtorch.tensor import Tensor

__all__ = ["vmap"]


def _is_leaf(x) -> bool:
    return x is None or is_tensor(x)


def _is_none(x) -> bool:
    return x is None


def vmap(
    func: Callable, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
    chunk_size: int | None = None,
) -> Callable:  # fmt: skip
    """``func`` over a batch.

    ``in_dims`` says which dimension of each Tensor among the arguments it is (None: it is no
    batch), ``out_dims`` where it goes in the results; both are structured as those, or one number
    for all. ``randomness``: "error", "same" numbers for all examples, or "different" ones.
    ``chunk_size``: how many examples at once. Gradients flow to the arguments and to what the
    function takes from elsewhere (it runs twice then).
    """
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @differentiable
    @functools.wraps(func)
    def run(*args, **kwargs):
        if randomness not in ("error", "different", "same"):
            raise RuntimeError(
                "Only allowed values for randomness are 'error', 'different', or 'same'. Got "
                f"{randomness}"
            )
        batch = _Batch(func, in_dims, args, kwargs, randomness)
        chunk = min(chunk_size or batch.size, batch.size) or 1
        starts = range(0, batch.size, chunk) if batch.size else (0,)
        parts = [batch.mapped(start, min(chunk, batch.size - start)) for start in starts]
        dims = _out_dims(_name(func), out_dims, batch.out)
        results = []
        for pieces, dim in zip(zip(*parts, strict=True), dims, strict=True):
            joined = pieces[0] if len(pieces) == 1 else cat(list(pieces), 0)
            results.append(joined[0] if dim is None else movedim(joined, 0, dim) if dim else joined)
        return in_order(jax.tree.unflatten(batch.out, results), batch.shell)

    return run


def _name(func) -> str:
    return getattr(func, "__name__", repr(func))


class _Batch:
    """The arguments of one call: which leaves are mapped, along which dimension."""

    def __init__(self, func, in_dims, args: tuple, kwargs: dict, randomness: str):
        self.func, self.args, self.kwargs, self.randomness = func, args, kwargs, randomness
        self.leaves, self.tree = jax.tree.flatten(args, is_leaf=_is_leaf)
        self.leaves = [Tensor(x) if isinstance(x, jax.Array) else x for x in self.leaves]
        self.dims = _in_dims(_name(func), in_dims, args, self.leaves, self.tree)
        self.where = [i for i, x in enumerate(self.leaves) if is_tensor(x)]
        sizes = [x.shape[d] for x, d in zip(self.leaves, self.dims, strict=True) if d is not None]
        if len(set(sizes)) > 1:
            raise ValueError(
                "vmap: Expected all tensors to have the same size in the mapped dimension, got "
                f"sizes {sizes} for the mapped dimension"
            )
        if not sizes:
            raise ValueError(f"vmap({_name(func)}, in_dims={in_dims}): no input is mapped over")
        self.size = sizes[0]
        self.out: Any = None  # the structure of the results, known once the function has run
        self.shell: Any = None  # and its dicts' keys in order

    def mapped(self, start: int, count: int) -> list[Tensor]:
        """The results of some examples, with the batch in front."""
        leaves = self.leaves
        if count != self.size:
            leaves = [
                x if d is None else narrow(x, d, start, count)
                for x, d in zip(leaves, self.dims, strict=True)
            ]
        tensors = [leaves[i] for i in self.where]
        example = _Examples(self, count)
        found = [Tensor(a) for a in example(*map(value, tensors))]
        self.out, self.shell = example.out, example.shell
        return found


class _Examples:
    """The mapped function on arrays."""

    def __init__(self, batch: _Batch, count: int):
        self.batch, self.count, self.out, self.shell = batch, count, None, None

    def __call__(self, *given):
        batch = self.batch

        def one(index, *mapped):
            leaves = list(batch.leaves)
            for i, array in zip(batch.where, mapped, strict=True):
                leaves[i] = Tensor(array)
            with random.under_vmap(batch.randomness, self.count, index):
                args = in_order(jax.tree.unflatten(batch.tree, leaves), batch.args)
                out = batch.func(*args, **batch.kwargs)
            self.shell = shell(out)
            found, self.out = jax.tree.flatten(out, is_leaf=_is_leaf)
            for x in found:
                if not isinstance(x, Tensor | jax.Array):
                    name = _name(batch.func)
                    raise ValueError(
                        f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(x)}."
                    )
            return arrays(found)

        axes = [batch.dims[i] for i in batch.where]
        before, STATE.grad = STATE.grad, False
        try:
            with jax.enable_x64(True):
                index = jnp.arange(self.count, dtype=jnp.int32)
                return jax.vmap(one, in_axes=(0, *axes))(index, *given)
        except jax.errors.TracerArrayConversionError as error:
            raise RuntimeError(
                f"vmap({_name(batch.func)}, ...): a value was asked for (by item(), tolist() or "
                "an `if`) of a Tensor that stands for a whole batch; torch.where chooses without "
                "asking"
            ) from error
        finally:
            STATE.grad = before


def _in_dims(name: str, in_dims, args: tuple, leaves: list, tree) -> list[int | None]:
    """The mapped dimension of every leaf, counted from the front."""
    what = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, int | tuple):
        raise ValueError(
            f"{what}: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are "
            "trying to vmap over a function with no inputs. The latter is unsupported."
        )
    numbered = jax.tree.unflatten(tree, list(range(len(leaves))))
    try:
        if isinstance(in_dims, tuple) and len(in_dims) != len(args):
            raise ValueError("another number of arguments")
        dims = broadcast_prefix(in_dims, numbered, is_leaf=_is_none)
    except ValueError as error:
        raise ValueError(
            f"{what}: in_dims is not compatible with the structure of `inputs`. in_dims has "
            f"structure {jax.tree.structure(in_dims)} but inputs has structure {tree}."
        ) from error
    for i, (x, d) in enumerate(zip(leaves, dims, strict=True)):
        if d is None:
            continue
        if not isinstance(d, int):
            raise ValueError(
                f"{what}: Got in_dim={d} for an input but in_dim must be either an integer "
                "dimension or None."
            )
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{what}: Got in_dim={d} for an input but the input is of type {type(x)}. We "
                "cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -x.dim() <= d < x.dim():
            raise ValueError(
                f"{what}: Got in_dim={d} for some input, but that input is a Tensor of "
                f"dimensionality {x.dim()} so expected in_dim to satisfy -{x.dim()} <= in_dim < "
                f"{x.dim()}."
            )
        dims[i] = d % x.dim()
    return dims


def _out_dims(name: str, out_dims, tree) -> list[int | None]:
    """Where the batch goes in each result."""
    what = f"vmap({name}, ..., out_dims={out_dims})"
    leaves = jax.tree.leaves(out_dims, is_leaf=_is_none)
    if any(d is not None and not isinstance(d, int) for d in leaves):
        raise ValueError(
            f"{what}: `out_dims` must be an int, None or a python collection of ints representing "
            "where in the outputs the vmapped dimension should appear."
        )
    numbered = jax.tree.unflatten(tree, list(range(tree.num_leaves)))
    try:
        return broadcast_prefix(out_dims, numbered, is_leaf=_is_none)
    except ValueError:
        pass
    if isinstance(out_dims, tuple) and len(out_dims) == tree.num_leaves == 1:
        return list(out_dims)
    raise ValueError(
        f"{what}(<inputs>): out_dims is not compatible with the structure of `outputs`. out_dims "
        f"has structure {jax.tree.structure(out_dims)} but outputs has structure {tree}."
    )
