"""What Python's brackets take: ``x[...]`` and ``x[...] = value``, index_put, and masks.

An index is a chain of views (ints, slices, None, Ellipsis) followed, where it holds tensors or
lists, by one gather. Reading through a boolean mask evaluates the mask, since the shape of the
result depends on it; writing through one is a select and evaluates nothing.
"""

from __future__ import annotations

import operator
import warnings

import jax.numpy as jnp
import numpy as np

from jaxtorch import dtypes
from jaxtorch.ops._dims import broadcast_shapes, type_name
from jaxtorch.ops._op import Array, Arrays, check, index_dtype, op
from jaxtorch.ops._promote import check_number
from jaxtorch.ops.data import is_tensor, wrap
from jaxtorch.ops.filling import fill
from jaxtorch.ops.slicing import _select, _select_at, slice_along
from jaxtorch.ops.views import _alias, _view, expand, unsqueeze

# --- advanced indexing, on arrays ---------------------------------------------------------------


def _key(input, indices, dims):
    """NumPy's index for ``indices`` in ``dims``, in range whatever they hold, and what to check."""
    try:
        shape = broadcast_shapes(*(i.shape for i in indices))
    except RuntimeError:
        raise IndexError(
            "shape mismatch: indexing tensors could not be broadcast together with shapes "
            + ", ".join(str(list(i.shape)) for i in indices)
        ) from None
    key, checks = [slice(None)] * input.ndim, []
    for place, (dim, index) in enumerate(zip(dims, indices, strict=True)):
        n, index = input.shape[dim], index.astype(index_dtype())
        wrapped = jnp.where(index < 0, index + n, index)
        text = f"index {{value}} is out of bounds for dimension {place} with size {n}"
        checks.append(((wrapped >= 0) & (wrapped < n), index, text))
        key[dim] = jnp.broadcast_to(
            _to_rank(jnp.clip(wrapped, 0, max(n - 1, 0)), len(shape)), shape
        )
    return tuple(key), checks


def _to_rank(x, ndim):
    return x.reshape((1,) * (ndim - x.ndim) + x.shape)


def _apply(out, checks):
    for ok, value, text in checks:
        out = check(out, ok, value, text)
    return out


def _at(input, indices, dims):
    key, checks = _key(input, indices, dims)
    if not input.size:
        if all(i.size for i in key if not isinstance(i, slice)):
            if any(input.shape[d] == 0 for d in dims):
                raise IndexError("index is out of bounds for dimension with size 0")
        return jnp.zeros(np.empty(input.shape, bool)[_shape_key(key)].shape, input.dtype)
    out = input.at[key].get(mode="promise_in_bounds", wrap_negative_indices=False)
    return _apply(out, checks)


def _shape_key(key):
    return tuple(k if isinstance(k, slice) else np.empty(k.shape, np.intp) * 0 for k in key)


def _index_vjp(needs, args, statics, out, grads):
    input, *indices = args
    key, _ = _key(input, indices, statics["dims"])
    zeros = jnp.zeros(input.shape, grads.dtype)
    grad = zeros.at[key].add(grads, mode="promise_in_bounds", wrap_negative_indices=False)
    return (grad, *(None for _ in indices))


@op(name=lambda _, statics: statics["node"], vjp=_index_vjp)
def _index(input: Array, indices: Arrays, dims: tuple, node: str = "IndexBackward0"):
    """``input`` with ``indices[i]`` in place of dimension ``dims[i]``, under NumPy's rules."""
    return _at(input, indices, dims)


def _fitted(value, shape):
    """``value`` broadcast to ``shape``; leading sizes of one beyond its rank do not matter."""
    given = value.shape
    while value.ndim > len(shape) and value.shape[0] == 1:
        value = value[0]
    try:
        fits = broadcast_shapes(value.shape, shape) == tuple(shape)
    except RuntimeError:
        fits = False
    if not fits:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(given)} cannot be broadcast to indexing "
            f"result of shape {list(shape)}"
        )
    return jnp.broadcast_to(_to_rank(value, len(shape)), shape)


def _result_shape(input, key):
    if all(isinstance(k, slice) for k in key):
        return input.shape
    # NumPy's own shape rule, on an array that takes no memory
    sizes = [
        n if isinstance(k, slice) else max(n, 1) for n, k in zip(input.shape, key, strict=True)
    ]
    ghost = np.broadcast_to(np.empty((), bool), sizes)
    return ghost[_shape_key(key)].shape


def _index_put_vjp(needs, args, statics, out, grads):
    input, *indices, values = args
    key, _ = _key(input, indices, statics["dims"])
    grad_input = grad_values = None
    if needs[0]:
        grad_input = grads
        if not statics.get("accumulate"):
            zero = jnp.zeros((), grads.dtype)
            grad_input = grads.at[key].set(
                zero, mode="promise_in_bounds", wrap_negative_indices=False
            )
    if needs[-1]:
        wide = grads.at[key].get(mode="promise_in_bounds", wrap_negative_indices=False)
        grad_values = _sum_to(wide, values.shape)
    return (grad_input, *(None for _ in indices), grad_values)


def _sum_to(x, shape):
    """The transpose of broadcasting from ``shape``."""
    lead = x.ndim - len(shape)
    if lead > 0:
        x = x.sum(tuple(range(lead)), dtype=x.dtype)
    x = x.reshape((1,) * (len(shape) - x.ndim) + x.shape)
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and x.shape[i] != 1)
    return x.sum(axes, keepdims=True, dtype=x.dtype) if axes else x


@op(name="IndexPutBackward0", vjp=_index_put_vjp)
def _index_put(input: Array, indices: Arrays, values: Array, dims: tuple, accumulate: bool = False):
    """A copy of ``input`` with ``values`` put (or added) where ``indices`` point."""
    if values.dtype != input.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{dtypes.from_numpy_dtype(input.dtype).legacy} for the destination and "
            f"{dtypes.from_numpy_dtype(values.dtype).legacy} for the source."
        )
    key, checks = _key(input, indices, dims)
    values = _fitted(values, _result_shape(input, key))
    if not input.size:
        return input
    at = input.at[key]
    if accumulate:
        out = (at.max if values.dtype == bool else at.add)(
            values, mode="promise_in_bounds", wrap_negative_indices=False
        )
    else:
        out = at.set(values, mode="promise_in_bounds", wrap_negative_indices=False)
    return _apply(out, checks)


@op(name="IndexPutBackward0")
def _mask_put(input: Array, mask: Array, values: Array, dim: int):
    """A copy of ``input`` with ``values`` where ``mask``, which covers dimensions from ``dim``."""
    if values.dtype != input.dtype and values.size != 1:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{dtypes.from_numpy_dtype(input.dtype).legacy} for the destination and "
            f"{dtypes.from_numpy_dtype(values.dtype).legacy} for the source."
        )
    values = values.astype(input.dtype)
    after = input.ndim - dim - mask.ndim
    wide = mask.reshape((1,) * dim + mask.shape + (1,) * after)
    if values.size == 1:
        return jnp.where(wide, values.reshape(()), input)
    # read as x[mask], the masked dimensions are one, of as many elements as the mask is true
    while values.ndim > dim + 1 + after and values.shape[0] == 1:
        values = values[0]
    given, values = list(values.shape), _to_rank(values, dim + 1 + after)
    lead, rest = input.shape[:dim], input.shape[dim + mask.ndim :]
    sizes = (*enumerate(lead), *enumerate(rest, dim + 1))
    if len(given) > dim + 1 + after or any(values.shape[i] not in (1, n) for i, n in sizes):
        shape = str([*lead, "n", *rest]).replace("'", "")
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {given} cannot be broadcast to indexing "
            f"result of shape {shape}"
        )
    count = values.shape[dim]
    if count == 1:
        shape = (*values.shape[:dim], *(1,) * mask.ndim, *values.shape[dim + 1 :])
        return jnp.where(wide, values.reshape(shape), input)
    flat = mask.reshape(-1).astype(index_dtype())
    rank = jnp.cumsum(flat, dtype=flat.dtype) - 1
    if count == 0:
        out = input
    else:
        picked = jnp.take(values, jnp.clip(rank, 0, count - 1), axis=dim, mode="clip")
        shape = (*values.shape[:dim], *mask.shape, *values.shape[dim + 1 :])
        out = jnp.where(wide, picked.reshape(shape), input)
    total = flat.sum(dtype=flat.dtype)
    return check(
        out,
        total == count,
        total,
        f"shape mismatch: value tensor of shape {given} cannot be broadcast to indexing result of "
        f"shape {[*lead, '{value}', *rest]}".replace("'", ""),
        RuntimeError,
    )


# --- reading an index ---------------------------------------------------------------------------


def _is_nested(item) -> bool:
    return (
        item is None
        or item is Ellipsis
        or isinstance(item, (slice, list, tuple))
        or is_tensor(item)
    )


def _as_tuple(index) -> tuple:
    if isinstance(index, tuple):
        return index
    # torch's legacy rule: a short list that holds sequences, slices or tensors is a tuple
    if isinstance(index, list) and len(index) < 32 and any(map(_is_nested, index)):
        warnings.warn(
            "a list that is read as a tuple of indices is deprecated: write x[tuple(index)], or "
            "x[torch.tensor(index)]",
            UserWarning, stacklevel=4,
        )  # fmt: skip
        return tuple(index)
    return (index,)


def _as_tensor(item):
    """A list or an array as an index tensor."""
    array = np.asarray(item)
    if array.dtype.kind in "SU":
        if isinstance(item, np.ndarray):
            dtypes.from_numpy_dtype(array.dtype)  # says which it takes
        raise TypeError("new(): invalid data type 'str'")
    if array.dtype.kind == "f":  # of lists and arrays torch takes the integer parts
        array = array.astype(np.int64)
    if array.dtype.kind not in "biu":
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return wrap(array)


_INDEX_DTYPES = {dtypes.int64, dtypes.int32, dtypes.uint8, dtypes.bool}


def _normal(item):
    """An item of an index, with lists and arrays made tensors."""
    if isinstance(item, (list, tuple, range, np.ndarray, str)):
        if isinstance(item, (list, tuple)) and any(map(is_tensor, item)):
            item = [x.tolist() if is_tensor(x) else x for x in item]
        return _as_tensor(item)
    if item is None or item is Ellipsis or isinstance(item, (int, slice)):
        return item
    if is_tensor(item):
        if item.dtype not in _INDEX_DTYPES:
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        if item.dtype is dtypes.uint8:
            warnings.warn(
                "a mask of dtype torch.uint8 is deprecated: give one of dtype torch.bool",
                UserWarning, stacklevel=5,
            )  # fmt: skip
        return item
    try:
        if isinstance(item, np.bool_):
            raise TypeError
        return operator.index(item)
    except TypeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
            f"valid indices (got {type_name(item)})"
        ) from None


def _is_mask(item) -> bool:
    return item.dtype is dtypes.bool or item.dtype is dtypes.uint8


def _takes(item) -> int:
    """How many dimensions an item of an index uses up."""
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    if isinstance(item, (int, slice)):
        return 1
    return item.ndim if _is_mask(item) else 1


def _picked(view, dim, index: int, place: int = 0):
    """``view`` at an int of dimension ``dim``, which is the ``place``-th item of an index."""
    n = tuple.__getitem__(view.shape, dim)  # Size's own costs as much again as the rest
    if not -n <= index < n:
        raise IndexError(f"index {index} is out of bounds for dimension {place} with size {n}")
    return _select(view, dim, index + n if index < 0 else index)


_ALL = slice(None)


def _basic(input, items: tuple):
    """The view that ints, slices, None and Ellipsis make; None where there is anything else."""
    view, dim, left = input, 0, input.ndim
    for item in items:
        kind = item.__class__
        if kind is slice or kind is int:
            left -= 1
        elif item is not None and item is not Ellipsis:
            return None
    if left < 0:
        return None
    for place, item in enumerate(items):
        if item.__class__ is slice:
            view, dim = view if item == _ALL else slice_along(view, dim, item), dim + 1
        elif item.__class__ is int:
            view = _picked(view, dim, item, place)
        elif item is None:
            view, dim = unsqueeze(view, dim), dim + 1
        else:
            dim, left = dim + left, 0
    return view


def parse_index(input, index):
    """``(view, advanced)``: the views applied, and ``[(dim, tensor)]`` for the gather to follow."""
    items = _as_tuple(index)
    view = _basic(input, items)
    if view is not None:
        return view, ()
    items = [_normal(item) for item in items]
    left = input.ndim - sum(map(_takes, items))
    if left < 0:
        taking = next(item for item in items if _takes(item))
        if input.ndim == 0 and isinstance(taking, slice):
            raise IndexError("slice() cannot be applied to a 0-dim tensor.")
        if input.ndim == 0 and isinstance(taking, int):
            if taking:
                raise IndexError(f"index {taking} is out of bounds for dimension 0 with size 0")
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number"
            )
        raise IndexError(f"too many indices for tensor of dimension {input.ndim}")
    view, dim, advanced = input, 0, []
    for place, item in enumerate(items):
        if item is None:
            view, dim = unsqueeze(view, dim), dim + 1
        elif item is Ellipsis:
            dim, left = dim + left, 0
        elif isinstance(item, slice):
            view, dim = slice_along(view, dim, item), dim + 1
        elif isinstance(item, bool):
            view = unsqueeze(view, dim)
            advanced.append((dim, _as_tensor(np.zeros(1 if item else 0, np.int64))))
            dim += 1
        elif isinstance(item, int):
            view = _picked(view, dim, item, place)
        elif item.ndim == 0 and not _is_mask(item):
            view = _select_at(view, dim, item)
        elif item.ndim == 0:
            view = unsqueeze(view, dim)
            advanced.append((dim, item.reshape(1)))
            dim += 1
        else:
            if _is_mask(item):
                _check_mask(view, item, dim)
            advanced.append((dim, item))
            dim += _takes(item)
    return view, advanced


def _check_mask(view, mask, dim):
    for i in range(mask.ndim):
        if mask.shape[i] != view.shape[dim + i]:
            raise IndexError(
                f"The shape of the mask {list(mask.shape)} at index {i} does not match the shape "
                f"of the indexed tensor {list(view.shape)} at index {dim + i}"
            )


def _positions(advanced):
    """Dims and integer tensors, masks evaluated into the positions where they are true."""
    dims, indices = [], []
    for dim, item in advanced:
        if _is_mask(item):
            for i, at in enumerate(item.numpy(force=True).astype(bool).nonzero()):
                dims.append(dim + i)
                indices.append(wrap(at))
        else:
            dims.append(dim)
            indices.append(item)
    return tuple(dims), indices


def getitem(input, index):
    """``input[index]``: a view where the index holds no tensor and no list, else a copy."""
    if index.__class__ is int and input.shape:
        return _picked(input, 0, index)
    view, advanced = parse_index(input, index)
    if not advanced:
        return _alias(input) if view is input else view
    dims, indices = _positions(advanced)
    return _index(view, indices, dims)


def setitem(input, index, value) -> None:
    """``input[index] = value``."""
    view, advanced = parse_index(input, index)
    if not is_tensor(value):
        value = _number_for(input, value)
    if index is False:
        return  # nothing is there, whatever the value's shape
    if not advanced:
        if is_tensor(value):
            view.copy_(_expanded(value, view))
        else:
            view._write(fill(view, value))
        return
    if not is_tensor(value):
        with np.errstate(over="ignore"):
            value = wrap(np.asarray(value).astype(view.dtype.numpy))
    _put(view, advanced, _trimmed(value, 0), False)


getitem.__name__, setitem.__name__ = "__getitem__", "__setitem__"  # for __torch_function__


def _number_for(input, value):
    """A Python number to be assigned to elements of ``input``."""
    if isinstance(value, (np.number, np.bool_)):
        value = value.item()
    elif not isinstance(value, (int, float, complex)):
        raise TypeError(f"can't assign a {type_name(value)} to a torch.{input.dtype.legacy}Tensor")
    if value.__class__ is int and not -(2**63) <= value < 2**63:
        raise ValueError("Overflow when unpacking long long")
    if input.dtype.category == dtypes.INT or isinstance(value, complex):
        check_number(value, input.dtype)
    return value


def _expanded(value, view):
    """What is assigned, in the shape of where it goes or one that broadcasts to it."""
    value = _trimmed(value, 0)
    try:
        if broadcast_shapes(value.shape, view.shape) == view.shape:
            return value
    except RuntimeError:
        pass  # expand has torch's word for it
    return expand(value, tuple(view.shape))


def _trimmed(value, ndim):
    """Without leading sizes of one beyond ``ndim``, which assignment forgives."""
    shape = tuple(value.shape)
    while len(shape) > ndim and shape[0] == 1:
        shape = shape[1:]
    return value if shape == tuple(value.shape) else _view(value, shape)


def _put(view, advanced, value, accumulate):
    if len(advanced) == 1 and _is_mask(advanced[0][1]) and not accumulate:
        dim, mask = advanced[0]
        if mask.dtype is not dtypes.bool and value.numel() == 1:  # torch fills then
            raise RuntimeError(
                "masked_fill_ only supports boolean masks, but got mask with dtype unsigned char"
            )
        return _mask_put.inplace(view, mask.bool(), value, dim)
    dims, indices = _positions(advanced)
    return _index_put.inplace(view, indices, value, dims, accumulate)


def _put_index(indices):
    """The tuple of ``index_put`` as one of brackets: None leaves its dimension alone."""
    if not isinstance(indices, (tuple, list)):
        raise TypeError(
            "index_put_(): argument 'indices' (position 1) must be tuple of Tensors, not "
            f"{type_name(indices)}"
        )
    for i, item in enumerate(indices):
        if not (is_tensor(item) or item is None):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type_name(item)}"
            )
    return tuple(slice(None) if i is None else i for i in indices)


def index_put_(input, indices, values, accumulate: bool = False):
    """``input[indices] = values``, or += with every one of repeated positions counted."""
    view, advanced = parse_index(input, _put_index(indices))
    _put(view, advanced, values, accumulate)
    return input


def index_put(input, indices, values, accumulate: bool = False):
    return index_put_(input.clone(), indices, values, accumulate)
