"""Tensor: a handle on an immutable value.

What PyTorch spells in place gives the handle another value; who took the old one keeps it. A view
is a lens on its base: it reads through when the base has moved on, and writing through it rebinds
the base.
"""

from __future__ import annotations

import weakref

import jax
import numpy as np
from jax._src.core import trace_state_clean

from jaxtorch import dtypes, engine
from jaxtorch._methods import TensorMethods
from jaxtorch._operators import TensorOperators
from jaxtorch._queries import TensorQueries, check_grad, check_numpy
from jaxtorch.engine import backward as engine_backward, lens
from jaxtorch.engine.aliases import Storage, alias, alone, cast, redirected, share
from jaxtorch.engine.backward import Grad
from jaxtorch.engine.graph import STATE, Node
from jaxtorch.engine.handles import Handles, TensorBase, node_of_array
from jaxtorch.engine.trace import begun_before, current_trace, is_traced, trace_of
from jaxtorch.gradfn import GradFn
from jaxtorch.ops._overrides import (
    DisableTorchFunctionSubclass,
    ask_first,
    disabled,
    overrides,
)
from jaxtorch.ops.overlaps import refuse_partial_overlap
from jaxtorch.outputs import assign_out
from jaxtorch.places import to_place as to_place

_new = object.__new__


class Tensor(TensorQueries, TensorMethods, TensorBase):
    """An n-dimensional array with PyTorch's methods.

    ``Tensor(data)`` is torch's legacy constructor (``Tensor(2, 3)``: sizes; ``Tensor([1, 2])``:
    data, both of the default dtype); ``Tensor(jax_array)`` is a Tensor of that very array.
    """

    __module__ = "jaxtorch"  # where users know it from

    _node: Node
    _ticket: object
    _base = None  # the handle this one is a view of
    _steps = ()  # the views that lead from there to here: (op, statics, other inputs)
    _seen = 0  # the base's version that _node was read at
    _meta: Grad | None = None
    _moves = 0  # how often it got another value
    _uncounted = 0  # how many of those are no writes to it (see _version)
    _apart = False  # is it a ``.data``, whose writes are counted apart?
    _output = 0  # its place among the results of the function that made it
    _storage: weakref.ref[Storage] | None = None  # what it shares with those detached from it
    _trace = None  # the jax trace it was born in, if its value is that trace's
    _address = 0  # what data_ptr() has said of its storage
    __hash__ = object.__hash__
    __array_priority__ = 1000

    def __new__(cls, *args, **kwargs):
        self = _new(cls)
        if cls is not Tensor and cls.__torch_function__ is not disabled:
            self._construct(*args, **kwargs)  # a subclass's own __init__ need not call this one's
        return self

    def __init_subclass__(cls, **options) -> None:
        super().__init_subclass__(**options)
        if cls.__torch_function__ is not disabled:
            ask_first(
                cls, {**vars(TensorOperators), **vars(TensorMethods), "detach": Tensor.detach}
            )

    def __init__(self, *args, device=None):
        if "_node" not in self.__dict__:
            self._construct(*args, device=device)

    def _construct(self, *args, device=None) -> None:
        if len(args) == 1 and isinstance(args[0], jax.Array) and device is None:
            self._bind(node_of_array(args[0]))
        else:
            from jaxtorch.ops.creation import legacy_tensor

            # PyTorch's oldest constructor does not ask for the default device
            where = "cpu" if device is None else device
            made = legacy_tensor(dtypes.get_default_dtype(), *args, device=where, of_class=False)
            self._bind(made._node)

    # -- subclasses ---------------------------------------------------------------------------

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        """Do the call as if the subclass were plain, and give its Tensors that class."""
        if not all(issubclass(cls, kind) for kind in types):
            return NotImplemented
        with DisableTorchFunctionSubclass():
            found = func(*args, **(kwargs or {}))
        return _become(found, cls)

    def as_subclass(self, cls: type[Tensor]) -> Tensor:
        """This tensor, value and history, as a handle of another class."""
        with DisableTorchFunctionSubclass():
            return _become(self.view_as(self), cls)

    @staticmethod
    def _make_subclass(cls, data: Tensor, require_grad: bool = False, **options) -> Tensor:
        """A tensor of the class ``cls`` on the value of ``data``, without its history."""
        if options:
            raise NotImplementedError(f"Tensor._make_subclass({', '.join(options)}=...)")
        with DisableTorchFunctionSubclass():
            return _become(data.detach(), cls).requires_grad_(require_grad)

    # -- the value ----------------------------------------------------------------------------

    def _bind(self, node: Node) -> None:
        self._node = node
        if node.ticket is None:
            node.ticket = object()
        self._ticket = node.ticket
        if node.aval.__class__ is not tuple and node.aval.kind == "traced":
            self._trace = trace_of(node)

    def _read(self) -> Node:
        """The node of a view, derived anew if its base has moved on (or simply the node)."""
        base = self._base
        if base is not None:
            if base._base is not None:
                base._read()
            if self._seen != base._moves:
                self._follow(base)
        return self._node

    def _follow(self, base) -> None:
        if base.__class__ is Storage:
            old, node = self._node, base.read(self._steps)
            if self._meta is not None and self._meta.leaf:
                node = alias(node)
                node.requires_grad, node.meta = True, self._meta
            elif old.requires_grad:
                node = redirected(alias(node), old)
            self._moves += 1
            self._uncounted += self._apart
        else:
            # Whoever looks first, and be it under no_grad: the view has the history of its base.
            before, STATE.grad = STATE.grad, True
            try:
                node = lens.read_through(base._node, self._steps)[-1]
            finally:
                STATE.grad = before
        self._bind(node)
        self._seen = base._moves

    def _set(self, node: Node) -> None:
        """Give this handle another value; for autograd it stays who it is."""
        meta = self._meta
        if is_traced(node):
            self._check_trace()
        elif not self._moves and not trace_state_clean():
            self._born_here()  # while its first value still tells
        if meta is not None:
            if meta.leaf:
                if node.ticket is not None or node.meta is not None or node.requires_grad:
                    node = alias(node)
                node.requires_grad = True
                node.meta = meta
            else:
                self._meta = None
        self._bind(node)
        self._moves += 1
        if self._storage is not None:
            self._tell_detached(node)

    def _tell_detached(self, node: Node) -> None:
        storage = self._storage()
        if storage is None:
            self._storage = None
        else:
            storage.follow(node)

    def _check_trace(self) -> None:
        if not self._born_here():
            raise jax.errors.UnexpectedTracerError(
                "a value that belongs to a jax trace would be written to a Tensor from outside "
                "of it "
                "and leak. Return it from the traced function, or pass the module as an argument "
                "to "
                "jaxtorch.jit or nnx.jit, which keep such writes"
                + engine.inspect.at(engine.inspect.site())
            )

    def _born_here(self) -> bool:
        """Is this handle one of the current jax trace's own, be its value a tracer or not?"""
        now = current_trace()
        if self._trace is None and not self._moves and begun_before(self._node, now):
            self._trace = now
        return self._trace is not None and self._trace == now

    def _adopt(self, other: Tensor) -> Tensor:
        """Take over the value of a Tensor that nobody uses any more."""
        node = other._node
        meta = self._meta
        if self._base is not None:
            self._write_view(node)
        elif meta is not None and meta.leaf and not is_traced(node):
            node.requires_grad = True
            node.meta = meta
            self._node = node
            if node.ticket is None:
                node.ticket = object()
            self._ticket = node.ticket
            self._moves += 1
            if self._storage is not None:
                self._tell_detached(node)
        else:
            self._set(node)
        return self

    def _rebind(self, other: Tensor) -> Tensor:
        """Give this handle the value of another, outside autograd: what ``.data = `` does."""
        node = other._read()
        if self._base is not None:
            self._write_view(node)
        else:
            self._set(node if node.value is not None and not node.requires_grad else alias(node))
        return self

    def _write(self, value: Tensor) -> Tensor:
        """The end of every in-place operation: ``value`` becomes this handle's."""
        grad = STATE.grad
        old = self._read()
        node = value._read()
        if grad:
            self._check_write(old, node)
        if node.aval is not old.aval:
            node = self._fitted(node, old)
        if not grad and old.requires_grad and not engine_backward.is_leaf(old):
            node = redirected(alias(node), old)
        if self._base is None:
            self._set(node)
        else:
            self._write_view(node)
        return self

    def _check_write(self, old: Node, new: Node) -> None:
        """Refuse what autograd cannot record."""
        root = self if self._base is None or self._base.__class__ is Storage else self._base
        if root is not self:
            lens.check_write(self, old, new)
        if root._meta is not None and root._meta.leaf:
            view = "a view of " if root is not self else ""
            raise RuntimeError(
                f"{view}a leaf Variable that requires grad is being used in an in-place operation."
            )

    def _fitted(self, node: Node, old: Node) -> Node:
        if node.aval.shape != old.aval.shape:
            raise RuntimeError(
                f"output with shape {list(old.aval.shape)} doesn't match the broadcast shape "
                f"{list(node.aval.shape)}"
            )
        have, want = node.aval.dtype, old.aval.dtype
        if have is not want:
            if have.category > want.category:
                raise RuntimeError(
                    f"result type {have.legacy} can't be cast to the desired output type "
                    f"{want.legacy}"
                )
            node = cast(node, want)
        return node

    def _write_view(self, node: Node) -> None:
        base = self._base
        if base.__class__ is Storage:
            if alone(self):
                self._base = None
                self._set(node)
                return
            base.write(self._steps, node)
            owner = base.owner()
            if owner is not None:
                owner._uncounted += self._apart
            if self._meta is not None and self._meta.leaf:
                node = alias(node)
                node.requires_grad, node.meta = True, self._meta
            self._moves += 1
        elif base._base is None:
            old, new = base._node, lens.write_through(base._node, self._steps, node)
            unrecorded = old.requires_grad and not (STATE.grad and lens.differentiable(self))
            if unrecorded and not engine_backward.is_leaf(old):
                new = redirected(alias(new), old)
            base._set(new)
        else:
            base._write_view(lens.write_through(base._read(), self._steps, node))
        self._bind(node)
        self._seen = base._moves

    def jax(self) -> jax.Array:
        """The value as a jax array (nothing is copied); it is never changed afterwards."""
        return engine.force(self._read())

    def _host(self) -> np.ndarray:
        return np.asarray(engine.force(self._read()))

    def __jax_array__(self):
        return self.jax()

    def __array__(self, dtype=None, copy=None):
        array = self.numpy()
        return array if dtype is None and not copy else np.array(array, dtype=dtype)

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """A NumPy view of the value (read-only: values are immutable; ``.copy()`` it to write)."""
        if force:
            return self.detach()._host()
        check_numpy(self)
        return self._host()

    def item(self):
        """The value of a tensor with one element, as a Python number."""
        if self.is_meta and self.numel() == 1:
            raise RuntimeError("Tensor.item() cannot be called on meta tensors")
        array = self._host()
        if array.size != 1:
            raise RuntimeError(f"a Tensor with {array.size} elements cannot be converted to Scalar")
        return array.item()

    def tolist(self):
        return self._host().tolist()

    # -- autograd -----------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        base = self._base
        if base is None:
            return self._node.requires_grad
        # what was made of a base under no_grad requires a gradient nevertheless
        node = self._read()
        return node.requires_grad or (
            base.__class__ is not Storage and base.requires_grad and lens.differentiable(self)
        )

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        node = self._read()
        if node.requires_grad == bool(requires_grad):
            return self
        if not requires_grad and not self.is_leaf:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a "
                "computed variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach()."
            )
        if requires_grad and self.dtype.category < dtypes.FLOAT:
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require gradients"
            )
        node = alias(node)
        if requires_grad:
            self._meta = Grad(leaf=True, owner=weakref.ref(self))
            node.requires_grad = True
            node.meta = self._meta
        else:
            self._meta = None
        self._bind(node)
        return self

    @property
    def is_leaf(self) -> bool:
        node = self._read()
        return not node.requires_grad or engine_backward.is_leaf(node)

    @property
    def output_nr(self) -> int:
        """Its place among the results of its ``grad_fn``."""
        return 0 if self.is_leaf else self._output

    @property
    def grad(self) -> Tensor | None:
        return None if self._meta is None else self._meta.grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            check_grad(self, value)
        if self._meta is None:
            if value is None:
                return
            self._meta = Grad(leaf=False)
        self._meta.grad = value

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    @property
    def grad_fn(self):
        node = self._read()
        if not node.requires_grad or engine_backward.is_leaf(node):
            return None
        return GradFn(node)

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None) -> None:
        """Add the gradients of this tensor with respect to the graph's leaves to their
        ``.grad``."""
        from jaxtorch import autograd

        autograd.backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def register_hook(self, hook):
        """Call ``hook(grad)`` when the gradient of this tensor is computed; what it returns, if
        anything, takes the gradient's place."""
        return autograd_hook(self._grad_state("register a hook").hooks, hook)

    def register_post_accumulate_grad_hook(self, hook):
        if not (self.is_leaf and self.requires_grad):
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
            )
        return autograd_hook(self._meta.after, hook)

    def _grad_state(self, what: str) -> Grad:
        node = self._read()
        if not node.requires_grad:
            raise RuntimeError(f"cannot {what} on a tensor that doesn't require gradient")
        if node.meta is None:
            node.meta = Grad(leaf=False)
        self._meta = node.meta
        return node.meta

    def retain_grad(self) -> None:
        """Keep ``.grad`` of this tensor though it is no leaf."""
        node = self._read()
        if not node.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if not self.is_leaf:
            self._grad_state("retain grad").retain = True

    @property
    def retains_grad(self) -> bool:
        return self._meta is not None and not self._meta.leaf and self._meta.retain

    def detach(self) -> Tensor:
        """A view of the same value that carries no gradient."""
        storage, steps = self._home()
        node = self._read() if steps else storage.read(())
        out = wrap(alias(node) if node.requires_grad else node)
        out._base, out._steps, out._seen = storage, steps, storage._moves
        return _become(out, type(self)) if overrides(self) else out

    def _home(self) -> tuple:
        """Where the value is kept: (Storage, the views that lead from there to here)."""
        base = self._base
        if base is None:
            storage = self._storage() if self._storage is not None else None
            if storage is None:
                storage = Storage(self)
                self._storage = weakref.ref(storage)
            return storage, ()
        if base.__class__ is Storage:
            return base, self._steps
        storage, steps = base._home()
        return storage, steps + self._steps

    def detach_(self) -> Tensor:
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._meta = None
        self._bind(alias(self._node))
        return self

    @property
    def data(self) -> Tensor:
        out = self.detach()
        out._apart = True
        return out

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        storage, steps = self._home()
        if value._home() == (storage, steps):
            return  # `p.data -= step` has written through already
        if self._base is None:  # what was detached before keeps the value of then
            storage.disown()
        old, node = self._read(), value._read()
        self._base = self._storage = None
        if old.requires_grad and not engine_backward.is_leaf(old):
            node = redirected(alias(node), old)
        elif node.value is None or node.requires_grad:
            node = alias(node)
        self._set(node)
        self._uncounted += 1
        if trace_state_clean():
            share(self, value)

    # -- copies -------------------------------------------------------------------------------

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment.  If you were attempting to deepcopy a module, this may be "
                "because of a torch.nn.utils.weight_norm usage, see "
                "https://github.com/pytorch/pytorch/pull/103001"
            )
        from jaxtorch._utils import copied

        out = memo[id(self)] = copied(self, memo)
        if self.requires_grad:
            out.requires_grad_()
            if self._meta.grad is not None:
                out._meta.grad = self._meta.grad.__deepcopy__(memo)
        return out

    def __reduce_ex__(self, protocol):
        from jaxtorch._utils import reduced

        return reduced(self)


# ---------------------------------------------------------------------------------------------


def _become(found, cls: type[Tensor]):
    """The plain Tensors of a result, which nobody else has yet, as Tensors of a subclass."""
    if found.__class__ is Tensor:
        found.__class__ = cls
    elif isinstance(found, (tuple, list)):
        made = [_become(x, cls) for x in found]
        return type(found)(*made) if hasattr(found, "_fields") else type(found)(made)
    return found


def wrap(node: Node) -> Tensor:
    t = _new(Tensor)
    t._node = node
    ticket = node.ticket
    if ticket is None:
        ticket = node.ticket = object()
    t._ticket = ticket
    aval = node.aval
    if aval.kind == "traced":
        t._trace = trace_of(node)
    return t


def fresh(node: Node) -> Tensor:
    t = _new(Tensor)
    t._node = node
    t._ticket = node.ticket = object()
    return t


def wrap_view(node: Node, viewed: Tensor, op, statics: dict, extras: tuple) -> Tensor:
    t = wrap(node)
    base = viewed._base
    if base is None or base.__class__ is Storage:  # what was detached is a base of its own
        t._base = viewed
        t._steps = ((op, statics, extras),)
        t._seen = viewed._moves
    else:
        t._base = base
        t._steps = (*viewed._steps, (op, statics, extras))
        t._seen = base._moves
    return t


def autograd_hook(hooks: dict, hook):
    from jaxtorch.utils.hooks import RemovableHandle

    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


Handles.classes.add(Tensor)
Handles.wrap = wrap
Handles.fresh = fresh
Handles.wrap_view = wrap_view
Handles.assign_out = assign_out
Handles.refuse_partial_overlap = refuse_partial_overlap
