"""Parameter, a Tensor that is also an ``nnx.Param``; Buffer, how flax sees any other Tensor of a
module."""

from __future__ import annotations

import copy
import weakref
from collections import OrderedDict
from typing import Any

import jax
import numpy as np
from flax import nnx
from flax.nnx import tracers
from flax.nnx.variablelib import VariableMeta
from jax._src.core import trace_state_clean

from jaxtorch import devices, dtypes
from jaxtorch.engine.aliases import alias, share
from jaxtorch.engine.backward import Grad
from jaxtorch.engine.graph import Node
from jaxtorch.engine.handles import Handles, node_of_array, node_of_numpy
from jaxtorch.engine.meta import node_of_shape
from jaxtorch.engine.trace import begin, current_trace
from jaxtorch.ops._overrides import disabled
from jaxtorch.tensor import Tensor, wrap

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]

_MISSING = object()
# What a Tensor keeps in its __dict__ that is the engine's and not the user's.
_ENGINE_STATE = frozenset(
    "_node _ticket _base _steps _seen _meta _moves _uncounted _apart _output _storage _trace "
    "_address _metadata _alien _shown".split()
)


def _read(tensor: Tensor) -> Any:
    """What flax sees as the value: the jax array, or what flax put there that is none."""
    alien = tensor.__dict__.get("_alien", _MISSING)
    return tensor.jax() if alien is _MISSING else alien


def _write(tensor: Tensor, value: Any) -> None:
    """flax may store anything in a Variable (shapes, shardings, markers); arrays are the usual
    case."""
    if isinstance(value, Tensor):
        value = value.jax()
    if not isinstance(value, jax.Array):
        vars(tensor)["_alien"] = value
        return
    vars(tensor).pop("_alien", None)
    if "_node" not in tensor.__dict__:
        tensor._bind(node_of_array(value))
        tensor._trace = current_trace()
    elif tensor._base is not None:
        tensor._rebind(Tensor(value))
    else:
        tensor._set(node_of_array(value))


def _base_metadata() -> dict[str, Any]:
    return {"hijax": False, "ref": False, "eager_sharding": True}


class Parameter(Tensor, nnx.Param):
    """A Tensor that a Module registers as its parameter, and flax knows as an ``nnx.Param``.

    The Tensor side comes first: arithmetic, indexing and ``shape`` are PyTorch's. The flax side
    reads and writes the value through ``get_value``/``set_value`` and the nnx functions.
    """

    def __init__(self, data: Any = None, requires_grad: bool = True, **others: Any):
        """``others``: programs pass the ``__dict__`` of the parameter that this one replaces. What
        the engine keeps there stays that one's; anything else raises TypeError, as in torch. flax
        passes all metadata of a Variable to make another like it."""
        of_flax = others.keys() >= _base_metadata().keys()
        for name in () if of_flax else others.keys() - _ENGINE_STATE:
            raise TypeError(f"Parameter() got an unexpected keyword argument '{name}'")
        tell_trace()
        if data is None:
            data = _zeros((0,))
        elif not isinstance(data, Tensor):
            data = Tensor(data)
        self._begin(alias(data._read()), requires_grad)
        if of_flax:
            vars(self)["_metadata"] = others
        if trace_state_clean():
            share(self, data)

    def _begin(self, node: Node, requires_grad: bool) -> None:
        """Become a leaf of this node's value; no other handle is on the node."""
        if requires_grad:
            if node.aval.dtype.category < dtypes.FLOAT:
                raise RuntimeError(
                    "Only Tensors of floating point and complex dtype can require gradients"
                )
            node.requires_grad = True
            self._meta = Grad(leaf=True, owner=weakref.ref(self))
            node.meta = self._meta
        self._bind(node)
        _set_trace_state(self, tracers.TraceState())

    __torch_function__ = disabled
    # Variable's attribute protocol guards every write; a Tensor's attributes are plain.
    __setattr__: Any = object.__setattr__
    __delattr__: Any = object.__delattr__
    __hash__ = Tensor.__hash__

    def __getattr__(self, name: str) -> Any:
        metadata = self.__dict__.get("_metadata") or _base_metadata()
        if name in metadata:
            return metadata[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    @property
    def _raw_value(self) -> Any:
        return _read(self)

    @_raw_value.setter
    def _raw_value(self, value: Any) -> None:
        _write(self, value)

    @property
    def _var_metadata(self) -> dict[str, Any]:
        metadata = self.__dict__.get("_metadata")
        if metadata is None:
            metadata = vars(self)["_metadata"] = _base_metadata()
        if "_node" not in self.__dict__ or self.requires_grad:
            metadata.pop("requires_grad", None)
        else:
            metadata["requires_grad"] = False
        return metadata

    @_var_metadata.setter
    def _var_metadata(self, metadata: dict[str, Any]) -> None:
        vars(self)["_metadata"] = metadata
        if "_node" in self.__dict__ and self.dtype.category >= dtypes.FLOAT:
            self.requires_grad_(metadata.get("requires_grad", True))

    @classmethod
    def _new(cls, value: Any, metadata: dict[str, Any]) -> Parameter:
        """How flax and JAX make one, with any value; no ``__init__`` runs."""
        param = object.__new__(cls)
        _set_trace_state(param, tracers.TraceState())
        _write(param, value)
        param._var_metadata = dict(metadata)
        return param

    def copy_from(self, other: Parameter) -> None:
        """flax's: take over another's value and metadata."""
        self._raw_value = other._raw_value
        self._var_metadata = other.get_metadata()

    def __deepcopy__(self, memo) -> Parameter:
        if id(self) in memo:
            return memo[id(self)]
        if "_alien" in self.__dict__:
            twin = type(self)._new(copy.deepcopy(self.__dict__["_alien"], memo), self._var_metadata)
        else:
            twin = type(self)(wrap(alias(self._read())).detach(), self.requires_grad)
        if "_metadata" in self.__dict__:
            vars(twin)["_metadata"] = dict(self.__dict__["_metadata"])
        memo[id(self)] = twin
        return twin

    def __reduce_ex__(self, protocol):
        from jaxtorch import _utils

        state, built = _utils.attributes(self), (self.detach(), self.requires_grad, OrderedDict())
        if state:
            return _utils._rebuild_parameter_with_state, (*built, state)
        return _utils._rebuild_parameter, built

    def __repr__(self) -> str:
        if "_alien" in self.__dict__:
            return f"Parameter({self.__dict__['_alien']!r})"
        return "Parameter containing:\n" + Tensor.__repr__(self)

    __str__ = __repr__


_set_trace_state = vars(nnx.Variable)["_trace_state"].__set__


class _BufferMeta(VariableMeta):
    def __instancecheck__(cls, instance) -> bool:
        if cls is Buffer and isinstance(instance, Tensor):
            return getattr(instance, "_is_buffer", False)
        return super().__instancecheck__(instance)

    def __call__(cls, data: Any = None, *, persistent: bool = True, **metadata: Any) -> Any:
        """A Tensor that registers as a buffer when it is assigned to a Module's attribute; a
        Buffer where flax passes all metadata of a Variable to make another like it."""
        if metadata.keys() >= _base_metadata().keys():
            return Buffer._new(data, metadata)
        for name in metadata:
            raise TypeError(f"Buffer() got an unexpected keyword argument '{name}'")
        data = Parameter(None, False).detach() if data is None else data.detach()
        data._is_buffer = True
        data.persistent = persistent
        return data


class Buffer(nnx.Variable, metaclass=_BufferMeta):
    """``nn.Buffer(tensor)`` marks a tensor as a buffer; ``nnx.state(net, nn.Buffer)`` finds them
    all.

    A module holds buffers as plain Tensors. When flax looks, each is shown as one of these, which
    reads and writes the Tensor; it lives as long as flax holds it.
    """

    __slots__ = ("tensor", "__weakref__")

    @classmethod
    def of(cls, tensor: Tensor) -> Buffer:
        """The one Buffer that stands for this Tensor as long as anyone holds it."""
        known = tensor.__dict__.get("_shown")
        shown = known() if known is not None else None
        if shown is None:
            shown = object.__new__(cls)
            object.__setattr__(shown, "tensor", tensor)
            object.__setattr__(shown, "_trace_state", tracers.TraceState())
            object.__setattr__(shown, "_var_metadata", _base_metadata())
            vars(tensor)["_shown"] = weakref.ref(shown)
        return shown

    @classmethod
    def of_value(cls, value: Any) -> Buffer:
        """Stands for what flax or JAX put in a buffer's place that is no array."""
        return cls._new(value, _base_metadata())

    @classmethod
    def _new(cls, value: Any, metadata: dict[str, Any]) -> Buffer:
        if isinstance(value, Tensor):
            value = value.jax()
        if isinstance(value, jax.Array):
            tensor = Tensor(value)
            # Made inside a trace it belongs there, though its value be from outside: nnx.grad hands
            # in what it does not differentiate as it is, and a batch norm writes to it.
            tensor._trace = current_trace()
            shown = cls.of(tensor)
        else:
            shown = object.__new__(cls)
            object.__setattr__(shown, "tensor", value)
            object.__setattr__(shown, "_trace_state", tracers.TraceState())
        object.__setattr__(shown, "_var_metadata", dict(metadata))
        return shown

    def __reduce__(self):
        return _shown_again, (self.tensor, self.get_metadata())

    @property
    def _raw_value(self) -> Any:
        return _read(self.tensor) if isinstance(self.tensor, Tensor) else self.tensor

    @_raw_value.setter
    def _raw_value(self, value: Any) -> None:
        if isinstance(self.tensor, Tensor):
            _write(self.tensor, value)
        elif isinstance(value, jax.Array):
            object.__setattr__(self, "tensor", Tensor(value))
        else:
            object.__setattr__(self, "tensor", value)


def _shown_again(tensor: Any, metadata: dict[str, Any]) -> Buffer:
    """A Buffer as it was pickled or copied."""
    shown = Buffer.of(tensor) if isinstance(tensor, Tensor) else Buffer.of_value(tensor)
    object.__setattr__(shown, "_var_metadata", dict(metadata))
    return shown


class UninitializedTensorMixin(Tensor):
    """A place for a tensor whose shape the first forward will tell; only dtype and device are
    known."""

    cls_to_become: type[Tensor]
    grad_fn: Any = None
    is_leaf: Any = True
    __torch_function__ = disabled

    @property
    def shape(self):
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def _read(self) -> Node:
        raise ValueError(
            "Attempted to use an uninitialized parameter. This error happens when you are using a "
            "`LazyModule` or explicitly manipulating "
            f"`torch.nn.parameter.{type(self).__name__}` objects. When using LazyModules Call "
            "`forward` with a dummy batch to initialize the parameters before calling torch "
            "functions"
        )

    def _hold(self, requires_grad: bool, device, dtype) -> None:
        self._node = _constant((0,), 0, device, dtype)
        self._flag = requires_grad
        self._base = self  # so that every op asks _read

    def materialize(self, shape: tuple[int, ...], device=None, dtype=None) -> None:
        """Become an ordinary tensor of this shape, its values for the caller to fill in."""
        node = _constant(shape, 0, device or self.device, dtype or self.dtype)
        requires_grad = self._flag
        vars(self).clear()
        object.__setattr__(self, "__class__", self.cls_to_become)
        if isinstance(self, Parameter):
            self._begin(node, requires_grad)
        else:
            self._bind(node)

    @property
    def requires_grad(self) -> bool:
        return self._flag

    def requires_grad_(self, requires_grad: bool = True):
        self._flag = requires_grad
        return self

    def detach(self):
        return self

    def to(self, *args, device=None, dtype=None):
        """Without values still, of another dtype or on another device."""
        for arg in args:
            if isinstance(arg, dtypes.dtype):
                dtype = arg
            else:
                device = arg
        return type(self)(self._flag, device or self.device, dtype or self.dtype)

    def cpu(self):
        return self.to("cpu")

    def cuda(self, device=None):
        return self.to(device or "cuda")

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self.dtype.is_complex

    @property
    def data(self):
        return self

    @data.setter
    def data(self, value) -> None:
        self._node = value._node

    def __deepcopy__(self, memo):
        twin = memo[id(self)] = type(self)(self._flag, self.device, self.dtype)
        return twin

    def __reduce_ex__(self, protocol):
        return type(self), (self._flag, self.device, self.dtype)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet; ``materialize`` makes it one."""

    cls_to_become = Parameter

    def __init__(self, requires_grad: bool = True, device=None, dtype=None):
        self._hold(requires_grad, device, dtype)


class UninitializedBuffer(UninitializedTensorMixin):
    """A buffer whose shape is not known yet; ``materialize`` makes it a Tensor."""

    cls_to_become = Tensor
    _is_buffer = True

    def __init__(
        self, requires_grad: bool = False, device=None, dtype=None, persistent: bool = True
    ):
        self._hold(requires_grad, device, dtype)
        self.persistent = persistent


def is_lazy(param: Any) -> bool:
    """Is it an UninitializedParameter or UninitializedBuffer?"""
    return isinstance(param, UninitializedTensorMixin)


def _constant(shape, value, device, dtype) -> Node:
    dtype = dtypes.of(dtype) or dtypes.get_default_dtype()
    where = devices.get_default_device() if device is None else devices.device(device)
    if where.type == "meta":
        return node_of_shape(shape, dtype)
    place = "cpu" if where.type == "cpu" else str(devices.from_jax(devices.jax_device(where)))
    return node_of_numpy(np.full(shape, value, dtype.numpy), place)


def _zeros(shape: tuple[int, ...]) -> Tensor:
    return wrap(_constant(shape, 0, None, None))


def tell_trace() -> None:
    """Before a parameter or module is made: let a jax trace know from here on what is its own, so
    that it may be filled with tracers."""
    if not trace_state_clean():
        begin()


def blank(shape: tuple[int, ...], device=None, dtype=None) -> Parameter:
    """A Parameter whose values are for the caller to fill in."""
    if min(shape, default=0) < 0:
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
        )
    tell_trace()
    param = object.__new__(Parameter)
    param._begin(_constant(shape, 0, device, dtype), True)
    return param


def filled(shape: tuple[int, ...], value, device=None, dtype=None) -> Tensor:
    """A Tensor of one value, concrete from the start, for a buffer."""
    return wrap(_constant(shape, value, device, dtype))


Handles.classes.add(Parameter)
