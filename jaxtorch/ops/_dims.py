"""Dimensions and shapes of op arguments, checked and normalised, with torch's error texts; and how
those name the type of what was given."""

import math
from collections.abc import Sequence

import jax
from jax import lax

Dims = int | Sequence[int] | None


def type_name(x) -> str:
    """The name of its class as CPython tells it: of classes not written in Python, with a module's
    (``numpy.float32``)."""
    kind = type(x)
    written = kind.__flags__ & (1 << 9)  # Py_TPFLAGS_HEAPTYPE
    return (
        kind.__name__
        if written or kind.__module__ == "builtins"
        else (f"{kind.__module__}.{kind.__name__}")
    )


def normalize_dim(dim: int, ndim: int) -> int:
    """``dim`` counted from the front; a 0-d tensor has the dims -1 and 0."""
    if isinstance(dim, bool) or not hasattr(dim, "__index__"):
        raise TypeError(f"argument 'dim' must be int, not {type(dim).__name__}")
    dim = dim.__index__()
    size = max(ndim, 1)
    if not -size <= dim < size:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-size}, {size - 1}], "
            f"but got {dim})"
        )
    return dim + size if dim < 0 else dim


def normalize_dims(dims: Dims, ndim: int, *, empty_is_all: bool = True) -> tuple[int, ...]:
    """Several dims, each from the front and at most once. None is all of them.

    The empty tuple is all of them too, as torch's reductions read it, unless told otherwise.
    """
    if dims is None or (empty_is_all and isinstance(dims, Sequence) and not dims):
        return tuple(range(ndim))
    if not isinstance(dims, Sequence):
        dims = (dims,)
    found = []
    for dim in dims:
        dim = normalize_dim(dim, ndim)
        if dim in found:
            raise RuntimeError(f"dim {dim} appears multiple times in the list of dims")
        found.append(dim)
    return tuple(d for d in found if d < ndim)


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that all broadcast to; RuntimeError names the first two that do not fit."""
    result: tuple[int, ...] = ()
    for shape in shapes:
        result = _broadcast_two(result, tuple(shape))
    return result


def _broadcast_two(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    ndim = max(len(a), len(b))
    wide_a = (1,) * (ndim - len(a)) + a
    wide_b = (1,) * (ndim - len(b)) + b
    # torch looks from the last dim to the first, and reports the first that fails
    for dim in reversed(range(ndim)):
        m, n = wide_a[dim], wide_b[dim]
        if m != n and m != 1 and n != 1:
            raise RuntimeError(
                f"The size of tensor a ({m}) must match the size of tensor b ({n}) "
                f"at non-singleton dimension {dim}"
            )
    return tuple(n if m == 1 else m for m, n in zip(wide_a, wide_b, strict=True))


def same_rank(*arrays: jax.Array) -> tuple[jax.Array, ...]:
    """The arrays with 1s put in front of their shapes until all have one rank; they must broadcast.

    NumPy's rules do the rest, and nothing depends on JAX's implicit rank promotion. 0-d arrays
    stay as they are: they combine with everything.
    """
    ndim = len(broadcast_shapes(*(x.shape for x in arrays)))
    return tuple(
        lax.expand_dims(x, range(ndim - x.ndim)) if 0 < x.ndim < ndim else x for x in arrays
    )


def broadcast(*arrays: jax.Array) -> tuple[jax.Array, ...]:
    """The arrays, each with the shape that all broadcast to."""
    shape = broadcast_shapes(*(x.shape for x in arrays))
    return tuple(broadcast_to(x, shape) for x in arrays)


def broadcast_to(x: jax.Array, shape: Sequence[int]) -> jax.Array:
    """``x`` expanded to ``shape``, with the error of ``Tensor.expand``."""
    shape = tuple(shape)
    if x.shape == shape:
        return x
    lead = len(shape) - x.ndim
    if lead < 0:
        raise RuntimeError(
            f"The expanded size of the tensor ({shape[0] if shape else 1}) must match the existing "
            f"size ({x.shape[0]}): the number of sizes provided ({len(shape)}) must be greater or "
            f"equal to the number of dimensions in the tensor ({x.ndim})"
        )
    for dim in reversed(range(x.ndim)):
        if x.shape[dim] not in (1, shape[lead + dim]):
            raise RuntimeError(
                f"The expanded size of the tensor ({shape[lead + dim]}) must match the existing "
                f"size ({x.shape[dim]}) at non-singleton dimension {lead + dim}.  "
                f"Target sizes: {list(shape)}.  Tensor sizes: {list(x.shape)}"
            )
    kept = [d for d in range(x.ndim) if x.shape[d] == shape[lead + d]]
    squeezed = lax.squeeze(x, [d for d in range(x.ndim) if d not in kept])
    return lax.broadcast_in_dim(squeezed, shape, [lead + d for d in kept])


def at_least_1d(x: jax.Array) -> jax.Array:
    """A 0-d array as one of a single element: torch lets dims 0 and -1 name it."""
    return x.reshape(1) if x.ndim == 0 else x


def require_elements(name: str, x: jax.Array, dim: int | None) -> None:
    """Refuse a reduction without an identity (max, argmax, ...) over no elements at all."""
    if dim is None:
        if math.prod(x.shape) == 0:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                "Specify the reduction dim with the 'dim' argument."
            )
    elif x.ndim and x.shape[dim] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")


def text(shape: Sequence[int]) -> str:
    """A shape as torch writes matrices in its messages: ``2x3``."""
    return "x".join(map(str, shape))
