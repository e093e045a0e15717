"""From a list of samples to a batch: ``default_collate``, and ``default_convert`` for no batch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from jaxtorch.dtypes import get_default_dtype
from jaxtorch.utils.data import tensors
from jaxtorch.utils.data.tensors import Tensor

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]

_ERROR = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)
_NO_NUMBERS = "SaUO"  # kinds of NumPy arrays that are text, bytes or objects


def _rebuild(container, keys, values):
    """A copy of ``container`` with these values: of its own type where that can be made."""
    try:
        if isinstance(container, Mapping):
            if isinstance(container, MutableMapping):
                clone = copy.copy(container)
                clone.update(zip(keys, values, strict=True))
                return clone
            return type(container)(dict(zip(keys, values, strict=True)))  # type: ignore[call-arg]
        if isinstance(container, MutableSequence):
            clone = copy.copy(container)
            for key, value in zip(keys, values, strict=True):
                clone[key] = value
            return clone
        return type(container)(values)
    except TypeError:  # a constructor of another form
        return dict(zip(keys, values, strict=True)) if isinstance(container, Mapping) else values


def collate(batch, *, collate_fn_map: Mapping[Any, Callable] | None = None):
    """Collate a list of samples, structure by structure.

    Args:
        batch: the samples: tensors, arrays, numbers, text, or containers of these.
        collate_fn_map: from a type (or a tuple of types) to the function that collates elements of
            it, called as ``function(batch, collate_fn_map=collate_fn_map)``. An exact match goes
            before the first ``isinstance`` match.
    """
    elem = batch[0]
    kind = type(elem)
    if collate_fn_map is not None:
        function = collate_fn_map.get(kind)
        if function is None:
            matches = (f for types, f in collate_fn_map.items() if isinstance(elem, types))
            function = next(matches, None)
        if function is not None:
            return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(elem, Mapping):
        columns = [
            collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map)
            for key in elem
        ]
        return _rebuild(elem, list(elem), columns)
    if not isinstance(elem, Sequence):
        raise TypeError(_ERROR.format(kind))
    named = isinstance(elem, tuple) and hasattr(elem, "_fields")
    if not named and any(len(sample) != len(elem) for sample in batch):
        raise RuntimeError("each element in list of batch should be of equal size")
    columns = [
        collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=False)
    ]
    if named:
        return kind(*columns)
    return columns if isinstance(elem, tuple) else _rebuild(elem, range(len(columns)), columns)


def _collate_tensors(batch, *, collate_fn_map=None):
    return tensors.stack_tensors(batch)


def _collate_arrays(batch, *, collate_fn_map=None):
    if batch[0].dtype.kind in _NO_NUMBERS:
        raise TypeError(_ERROR.format(batch[0].dtype))
    return tensors.from_array(tensors.stack(batch))


def _collate_numpy_scalars(batch, *, collate_fn_map=None):
    return tensors.from_array(np.array(batch))


def _collate_floats(batch, *, collate_fn_map=None):
    return tensors.from_array(np.array(batch, np.float64))


def _collate_ints(batch, *, collate_fn_map=None):
    array = np.array(batch)  # bool, int64, or float where a float is among them
    return tensors.from_array(
        array.astype(get_default_dtype().numpy) if array.dtype.kind == "f" else array
    )


def _keep(batch, *, collate_fn_map=None):
    return batch


default_collate_fn_map: dict[Any, Callable] = {
    Tensor: _collate_tensors,
    np.ndarray: _collate_arrays,
    (np.bool_, np.number, np.object_): _collate_numpy_scalars,
    float: _collate_floats,
    int: _collate_ints,
    str: _keep,
    bytes: _keep,
}
_AS_SHIPPED = dict(default_collate_fn_map)


def default_collate(batch):
    """Samples to a batch, with a new first dimension.

    Tensors, NumPy arrays and numbers become Tensors (Python floats float64, ints int64); text stays
    a list; dicts, named tuples and lists are collated item by item; tuples too, into a list.

    >>> default_collate([(0, "a"), (1, "b")])
    [tensor([0, 1]), ('a', 'b')]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def default_convert(data):
    """NumPy arrays and scalars to Tensors, inside dicts, lists and tuples too; the rest as it is.

    What a DataLoader does to samples when it makes no batches.
    """
    if isinstance(data, np.ndarray | np.generic):
        if data.dtype.kind in _NO_NUMBERS:
            return data
        return tensors.from_array(np.array(data))
    if isinstance(data, Mapping):
        return _rebuild(data, list(data), [default_convert(data[key]) for key in data])
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        converted = [default_convert(item) for item in data]
        return converted if isinstance(data, tuple) else _rebuild(data, range(len(data)), converted)
    return data


def makes_only_tensors(function) -> bool:
    """Whether ``function`` is one of these two, with nobody's own collating in between.

    Then a worker process may leave the making of Tensors to the parent.
    """
    if function is default_collate:
        return default_collate_fn_map == _AS_SHIPPED
    return function is default_convert
