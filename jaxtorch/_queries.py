"""What a Tensor is: its shape, dtype and place, and how Python asks for them."""

from __future__ import annotations

import textwrap

import jax
import numpy as np
from jax._src.interpreters.batching import BatchTracer

from jaxtorch import devices, dtypes, engine, layouts, left_out
from jaxtorch.engine.aliases import Storage
from jaxtorch.engine.graph import Node
from jaxtorch.engine.handles import TensorBase
from jaxtorch.engine.trace import is_traced
from jaxtorch.gradfn import output_number
from jaxtorch.ops import views
from jaxtorch.ops._dims import type_name
from jaxtorch.ops._overrides import overrides
from jaxtorch.ops.data import is_tensor, no_pinning
from jaxtorch.printing import tensor_repr


class TensorQueries:
    """What Tensor answers without computing anything (but for Python's own conversions)."""

    __slots__ = ()
    _node: Node
    is_sparse = is_quantized = is_mkldnn = is_nested = is_sparse_csr = False
    layout = layouts.strided
    is_xla = is_mps = is_xpu = is_ipu = is_vulkan = is_mtia = is_hpu = False

    def __getattr__(self, name: str):
        if left_out.reason(f"torch.Tensor.{name}"):
            raise left_out.LeftOut(left_out.refusal(f"torch.Tensor.{name}"), name=name, obj=self)
        raise AttributeError(
            f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self
        )

    # -- what it is ---------------------------------------------------------------------------

    @property
    def shape(self):
        return (self._node if self._base is None else self._read()).aval.shape

    @property
    def dtype(self):
        return self._node.aval.dtype

    @property
    def name(self) -> None:
        """Tensors have no names."""
        return None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def device(self):
        return devices.device(self._node.aval.place)

    def size(self, dim: int | None = None):
        shape = self.shape
        if dim is None:
            return shape
        try:
            return shape[dim]
        except TypeError:
            raise TypeError(
                f"size(): argument 'dim' (position 1) must be int, not {type_name(dim)}"
            ) from None
        except IndexError:
            n = len(shape)
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got "
                f"{dim})"
            ) from None

    def dim(self) -> int:
        return len(self.shape)

    ndimension = dim

    def numel(self) -> int:
        return self.shape.numel()

    nelement = numel

    def element_size(self) -> int:
        return self.dtype.itemsize

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.numel() * self.dtype.itemsize

    def __len__(self) -> int:
        shape = self.shape
        if not shape:
            raise TypeError("len() of a 0-d tensor")
        return shape[0]

    def __iter__(self):
        if not self.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, element) -> bool:
        if not (is_tensor(element) or isinstance(element, (int, float, complex, np.generic))):
            raise RuntimeError(
                "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
                f"{type(element)}."
            )
        return bool((self == element).any())

    def __reversed__(self):
        """All dimensions from their ends."""
        return self.flip(tuple(range(self.dim()))) if self.dim() else self

    def __delitem__(self, index) -> None:
        raise TypeError("Tensor does not support deleting items")

    def __bool__(self) -> bool:
        if self.numel() > 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        if not self.numel():
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
        return bool(self.item())

    def _number(self, name: str | None = None):
        """The one element; as a real number, of the C++ type ``name``."""
        if self.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        value = self.item()
        if name is None or not isinstance(value, complex):
            return value
        if value.imag:
            raise RuntimeError(f"value cannot be converted to type {name} without overflow")
        return value.real

    def __int__(self) -> int:
        return int(self._number("int64_t"))

    def __float__(self) -> float:
        return float(self._number("double"))

    def __complex__(self) -> complex:
        return complex(self._number())

    def __index__(self) -> int:
        value = self.item() if self.numel() == 1 else None
        if not isinstance(value, int):
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(value)

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        if "_opaque" in self.__dict__:  # what jax.tree.map has put in its place
            return f"{type(self).__name__}({self.__dict__['_opaque']!r})"
        node = self._read()
        if is_traced(node):
            return _traced_repr(engine.force(node), type(self))
        name = None
        if node.requires_grad and not self.is_leaf:
            name = self.grad_fn.name()
        value = None if node.aval.place == "meta" else np.asarray(engine.force(node))
        return tensor_repr(
            value, node.aval.dtype, device=node.aval.place, shape=node.aval.shape,
            requires_grad=node.requires_grad, grad_fn_name=name,
            default_dtype=dtypes.get_default_dtype(),
            class_prefix=type(self).__name__ if overrides(self) else "tensor",
            contents=tensor_contents,
        )  # fmt: skip

    def __format__(self, spec: str) -> str:
        if self.dim() == 0 and not is_traced(self._read()):
            return self.item().__format__(spec)
        return object.__format__(self, spec)

    @property
    def is_cuda(self) -> bool:
        return self._node.aval.place.startswith("cuda")

    @property
    def is_meta(self) -> bool:
        return self._node.aval.place == "meta"

    @property
    def is_cpu(self) -> bool:
        return self._node.aval.place.startswith("cpu")

    def get_device(self) -> int:
        """The index of the device, -1 for the CPU."""
        index = self.device.index
        return -1 if self.is_cpu or index is None else index

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        return self.dtype.is_signed

    def is_conj(self) -> bool:
        """Does it show the conjugate of what its base holds?"""
        return _turned(self)[0]

    def is_neg(self) -> bool:
        """Does it show imaginary parts of such a conjugate?"""
        return _turned(self)[1]

    def is_same_size(self, other) -> bool:
        return self.shape == other.shape

    def is_nonzero(self) -> bool:
        return bool(self)

    def _is_view(self) -> bool:
        """Is it a view for autograd? What is detached from a base is none."""
        return self._base is not None and self._base.__class__ is not Storage

    def is_inference(self) -> bool:
        return False

    def is_pinned(self, device=None) -> bool:
        return False

    def is_shared(self) -> bool:
        return False

    # -- other libraries ----------------------------------------------------------------------

    def __array_wrap__(self, array, context=None, return_scalar=False):
        """What NumPy's functions of this tensor made, as a tensor (of bools, as bytes)."""
        from jaxtorch.ops.data import from_numpy

        return from_numpy(np.asarray(array, np.uint8 if array.dtype == bool else None))

    def __dlpack__(self, **kwargs):
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self.jax().__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.jax().__dlpack_device__()

    # -- where it is kept ---------------------------------------------------------------------

    def untyped_storage(self):
        """The storage that this tensor shares with its views."""
        from jaxtorch.storage import UntypedStorage

        return UntypedStorage.of(self)

    def storage(self):
        """The storage, counted in elements. Deprecated, as in torch."""
        from jaxtorch.storage import TypedStorage

        return TypedStorage(wrap_storage=self.untyped_storage(), dtype=self.dtype)

    def storage_type(self):
        """The class of ``storage()``, as ``torch.FloatStorage``."""
        from jaxtorch.storage import CLASSES

        return CLASSES[self.dtype]

    @property
    def _version(self) -> int:
        """How often what it shows was written to in place: a view counts with its base, and what
        was detached with what it is of."""
        top = self
        while isinstance(top._base, TensorBase):
            top = top._base
        if top._base is not None:  # of a Storage
            owner = None if top._apart else top._base.owner()
            if owner is not None:
                return owner._version
            top._read()
        return top._moves - top._uncounted

    def data_ptr(self) -> int:
        """Where PyTorch would say the first element is: the same number for what shares it.

        It is no address of memory, and stays as it is when the tensor is written to.
        """
        if not self.numel():
            return 0
        offset = self.storage_offset() * self.dtype.itemsize
        return self.untyped_storage().data_ptr() + offset

    # -- where torch knows more kinds of tensors ----------------------------------------------

    def sparse_dim(self) -> int:
        """0: no dimension is sparse."""
        return 0

    def dense_dim(self) -> int:
        """All dimensions are dense."""
        return self.dim()

    def to_sparse(self, sparse_dim=None, *, layout=None, blocksize=None, dense_dim=None):
        """The coordinates and the values of what is not zero (COO)."""
        from jaxtorch import sparse

        if blocksize is not None or dense_dim is not None:
            raise NotImplementedError("to_sparse(blocksize=..., dense_dim=...)")
        if layout not in (None, sparse.SparseTensor.layout):
            raise NotImplementedError(f"to_sparse(layout={layout}): COO is the one here")
        return sparse.to_sparse(self, sparse_dim)

    def to_sparse_coo(self):
        return self.to_sparse()

    def to_dense(self, dtype=None, *, masked_grad: bool | None = None):
        """The tensor itself, or as another dtype."""
        return self if dtype is None else self.to(dtype)

    @property
    def grad_dtype(self):
        """The dtype of gradients: the tensor's own."""
        return self.dtype

    @property
    def output_nr(self) -> int:
        """Which output of its ``grad_fn`` this is."""
        return output_number(self._read())

    def module_load(self, other, assign: bool = False):
        """What ``load_state_dict`` puts in this tensor's place: ``other``, or its values here."""
        return other.detach() if assign else self.copy_(other).detach()

    def record_stream(self, stream) -> None:
        """Nothing is left to do: XLA keeps what its programs still read."""

    def pin_memory(self, device=None):
        """Raises: host memory is XLA's."""
        return no_pinning(True)

    def xpu(self, *args, **kwargs):
        """Raises: there is no such device."""
        return self.to("xpu")

    def mtia(self, *args, **kwargs):
        """Raises: there is no such device."""
        return self.to("mtia")

    def reinforce(self, *args, **kwargs):
        raise RuntimeError(
            "reinforce() was removed.\nUse torch.distributions instead.\n"
            "See https://pytorch.org/docs/main/distributions.html"
        )


def check_grad(tensor, value) -> None:
    """Refuse what cannot be the ``.grad`` of ``tensor``."""
    if not is_tensor(value):
        raise TypeError(
            "assigned grad expected to be a Tensor or None but got grad of type "
            f"{type(value).__name__}"
        )
    if value is tensor:
        raise RuntimeError("can't assign Variable as its own grad")
    if value.shape != tensor.shape:
        raise RuntimeError(
            f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of "
            f"size '{list(tensor.shape)}'. Please ensure that the gradient and the tensor "
            "are the same size"
        )
    if value.dtype is not tensor.dtype:
        raise RuntimeError(
            f"attempting to assign a gradient with dtype '{value.dtype.cpp}' to a tensor "
            f"with grad_dtype '{tensor.dtype.legacy}': give it as {tensor.dtype}"
        )
    if value.device.type != tensor.device.type:
        raise RuntimeError(
            f"attempting to assign a gradient with device type '{value.device.type}' to a "
            f"tensor with device type '{tensor.device.type}'. Please ensure that the "
            "gradient and the tensor are on the same device"
        )


_BITS = {"conj": "conjugate", "neg": "negative"}


def check_numpy(tensor) -> None:
    """Refuse to show as an array what PyTorch does not."""
    if tensor.requires_grad:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    if tensor._read().aval.place != "cpu":
        raise TypeError(
            f"can't convert {tensor._node.aval.place} device type tensor to numpy. Use "
            f"Tensor.cpu() to "
            "copy the tensor to host memory first."
        )
    if tensor._base is not None and tensor.dtype.category >= dtypes.FLOAT:
        for kind, turned in (("conj", tensor.is_conj()), ("neg", tensor.is_neg())):
            if turned:
                raise RuntimeError(
                    f"Can't call numpy() on Tensor that has {_BITS[kind]} bit set. Use "
                    f"tensor.resolve_{kind}().numpy() instead."
                )


def _turned(x) -> tuple[bool, bool]:
    """Whether a view conjugates what its base holds, and whether it negates it."""
    if x._base is None:
        return False, False
    conj, neg = (False, False) if x._base.__class__ is Storage else _turned(x._base)
    for op, _, _ in x._steps:
        if op in views.CONJUGATING:
            conj = not conj
        elif op is views.imag.op:
            conj, neg = False, conj
        elif op is views._real.op:
            conj = False
    return conj, neg


def _traced_repr(tracer, cls: type) -> str:
    """Of an example under vmap all the batch, which is known; of other tracers what JAX says."""
    if not isinstance(tracer, BatchTracer):
        return f"tensor({tracer})"
    level, inside = 1, tracer.val
    while isinstance(inside, BatchTracer):
        level, inside = level + 1, inside.val
    value = textwrap.indent(repr(cls(jax.numpy.asarray(tracer.val))), "    ")
    return f"BatchedTensor(lvl={level}, bdim={tracer.batch_dim}, value=\n{value}\n)"
