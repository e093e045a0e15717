"""``torch._utils``: what pickled tensors call to be made again, under the names that files have."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

from jaxtorch import layouts
from jaxtorch.engine.aliases import alias
from jaxtorch.ops.creation import empty_strided
from jaxtorch.storage import (
    UNNAMED,
    TypedStorage,
    UntypedStorage,
    check_size,
    geometry,
    seen_through,
    tensor_on,
)
from jaxtorch.tensor import Tensor, wrap

# A tensor's own: what else is in its __dict__ is the user's, and goes with it into a file.
_INTERNAL = frozenset(
    {
        "_node", "_ticket", "_base", "_steps", "_seen", "_meta", "_moves", "_uncounted", "_apart",
        "_storage", "_trace", "_address", "_shown", "_alien", "_metadata", "_flag",
    }
)  # fmt: skip


def attributes(tensor: Tensor) -> dict[str, Any]:
    """The attributes that a program has given a tensor."""
    return {name: value for name, value in vars(tensor).items() if name not in _INTERNAL}


def reduced(tensor: Tensor) -> tuple:
    """How a tensor is pickled: by its storage, so that what shares one still shares it after."""
    if tensor.is_meta:
        size, stride = tuple(tensor.shape), tensor.stride()
        args = (tensor.dtype, size, stride, tensor.requires_grad)
        return _as_its_class(tensor, (_rebuild_meta_tensor_no_storage, args))
    where = geometry(tensor)
    if where is None:  # a part of each element, or another dtype: its values alone
        return reduced(tensor.detach().clone().requires_grad_(tensor.requires_grad))
    untyped, dtype = tensor.untyped_storage(), tensor.dtype
    typed = TypedStorage(wrap_storage=untyped, dtype=dtype, _internal=True)
    offset, stride = where
    storage = untyped if dtype in UNNAMED else typed
    args = (storage, offset, tuple(tensor.shape), stride, tensor.requires_grad, OrderedDict())
    built: tuple = (_rebuild_tensor_v2, args)
    if dtype in UNNAMED:
        built = (_rebuild_tensor_v3, (*args, dtype))
    return _as_its_class(tensor, built)


def _as_its_class(tensor: Tensor, built: tuple) -> tuple:
    """``built``, with the class and the attributes that the tensor has beyond a plain one."""
    state = attributes(tensor)
    if type(tensor) is Tensor and not state:
        return built
    return _rebuild_from_type_v2, (built[0], type(tensor), built[1], state)


def copied(tensor: Tensor, memo: dict) -> Tensor:
    """A deep copy: what shared a storage shares one again, a copy of it."""
    home, steps = tensor._home()
    twin, out = memo.get(id(home)), None
    if twin is None:
        out = wrap(alias(home._node))
        twin = memo[id(home)] = out._home()[0]
        memo.setdefault(id(memo), []).append(home)  # while the memo is used, its id is its own
    if out is None or steps:
        out = seen_through(twin, steps)
    out.__class__ = type(tensor)
    for name, value in attributes(tensor).items():
        object.__setattr__(out, name, copy.deepcopy(value, memo))
    return out


def _rebuild_tensor(storage, storage_offset, size, stride) -> Tensor:
    return _rebuild_tensor_v2(storage, storage_offset, size, stride, False, None)


def _rebuild_tensor_v2(
    storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None
) -> Tensor:
    if not isinstance(storage, TypedStorage):
        raise TypeError(f"a tensor is made on a TypedStorage, not {type(storage).__name__}")
    return _with_metadata(
        storage._untyped_storage, storage.dtype, storage_offset + storage.first, size, stride,
        requires_grad, metadata,
    )  # fmt: skip


def _rebuild_tensor_v3(
    storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None
) -> Tensor:
    if not isinstance(storage, UntypedStorage | TypedStorage):
        raise TypeError(f"a tensor is made on a storage, not {type(storage).__name__}")
    return _with_metadata(
        storage.untyped(), dtype, storage_offset, size, stride, requires_grad, metadata
    )


def _with_metadata(
    storage, dtype, offset, size, stride, requires_grad: bool, metadata: dict | None
) -> Tensor:
    """``metadata``: PyTorch's marks for a conjugation or negation that it has put off."""
    unmarked = not (metadata and (metadata.get("conj") or metadata.get("neg")))
    t = tensor_on(storage, dtype, offset, size, stride, bool(requires_grad) and unmarked)
    if unmarked:
        return t
    if metadata.get("conj"):
        t = t.conj_physical()
    if metadata.get("neg"):
        t = t.neg()
    return t.requires_grad_() if requires_grad else t


def _rebuild_parameter(data, requires_grad, backward_hooks=None):
    from jaxtorch.nn.parameter import Parameter

    if not isinstance(data, Tensor):
        raise TypeError(f"a Parameter is made of a Tensor, not {type(data).__name__}")
    return Parameter(data, requires_grad)


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    return _set_obj_state(_rebuild_parameter(data, requires_grad), state)


def _rebuild_from_type_v2(func, new_type, args, state):
    made = func(*args)
    if type(made) is not new_type:
        made.__class__ = new_type
    own = getattr(new_type, "__setstate__", None)
    if own is not None:
        own(made, state)
        return made
    return _set_obj_state(made, state)


def _set_obj_state(obj: Tensor, state) -> Tensor:
    """Give a tensor the attributes that were saved with it, and none of those it is made of."""
    named, slots = state if isinstance(state, tuple) else (state, None)
    for name, value in [*(named or {}).items(), *(slots or {}).items()]:
        if name in _INTERNAL or name.startswith("__"):
            raise ValueError(f"a saved tensor has an attribute {name!r}, which is not for files")
        object.__setattr__(obj, name, value)
    return obj


def _rebuild_device_tensor_from_cpu_tensor(data, dtype, device, requires_grad) -> Tensor:
    """What PyTorch writes for a device without storages, a TPU say."""
    return data.to(dtype=dtype, device=device).requires_grad_(requires_grad)


def _rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad) -> Tensor:
    """A tensor on the device "meta": a shape and a dtype."""
    check_size(size, dtype)
    return empty_strided(size, stride, dtype=dtype, device="meta", requires_grad=requires_grad)


def _rebuild_sparse_tensor(layout, data):
    """A sparse tensor of the layout COO: (indices, values, size) and, since PyTorch 2.1, whether
    it is coalesced. RuntimeError if they do not belong together."""
    from jaxtorch.sparse import sparse_coo_tensor

    if layout is not layouts.sparse_coo:
        raise NotImplementedError(f"a tensor of the layout {layout}: of sparse ones COO are here")
    indices, values, size, *coalesced = data
    if not (isinstance(indices, Tensor) and isinstance(values, Tensor)):
        raise TypeError("a sparse tensor is made of two Tensors, indices and values")
    check_size(size, values.dtype)
    return sparse_coo_tensor(indices, values, size, is_coalesced=bool(coalesced and coalesced[0]))


def _get_layout(name: str):
    """The layout that prints so."""
    found = getattr(layouts, name.removeprefix("torch."), None)
    if not isinstance(found, layouts.layout):
        raise KeyError(name)
    return found


def _element_size(dtype) -> int:
    return dtype.itemsize
