"""``torch.sparse``: tensors as coordinates and values (COO), for the matrices of graphs.

A product with a dense matrix gathers the rows that the coordinates name and adds them up; nothing
of the size of the whole matrix is made, and gradients reach the values and the dense matrix. A
:class:`SparseTensor` is no Tensor, and a function of torch that is not in its table refuses it.
"""

from __future__ import annotations

import math
from typing import Any

from jaxtorch import dtypes, layouts, left_out
from jaxtorch.ops import arithmetic, blas, pointwise, shaping, sorting, views
from jaxtorch.ops.creation import full, zeros
from jaxtorch.ops.data import as_tensor
from jaxtorch.size import Size
from jaxtorch.tensor import Tensor

__all__ = [
    "DoubleTensor", "FloatTensor", "IntTensor", "LongTensor", "SparseTensor", "addmm",
    "log_softmax", "mm", "softmax", "sparse_coo_tensor", "spmm", "sum",
]  # fmt: skip


class SparseTensor:
    """``values[i]`` at ``indices[:, i]``, zeros elsewhere; what stands at one place twice counts
    as its sum. ``indices`` is (sparse dims, nnz), ``values`` (nnz, dense dims...)."""

    layout = layouts.sparse_coo
    is_sparse = True

    def __init__(self, indices: Tensor, values: Tensor, size: Size, coalesced: bool = False):
        self._at, self._held, self.shape, self._coalesced = indices, values, size, coalesced

    # -- what it holds ------------------------------------------------------------------------

    def _indices(self) -> Tensor:
        return self._at

    def _values(self) -> Tensor:
        return self._held

    def _nnz(self) -> int:
        return self._held.shape[0]

    def indices(self) -> Tensor:
        """The coordinates; RuntimeError before ``coalesce()``, as is ``values()``."""
        return self._of_coalesced("indices", self._at)

    def values(self) -> Tensor:
        return self._of_coalesced("values", self._held)

    def _of_coalesced(self, what: str, found: Tensor) -> Tensor:
        if not self._coalesced:
            raise RuntimeError(
                f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first"
            )
        return found

    def is_coalesced(self) -> bool:
        return self._coalesced

    def coalesce(self) -> SparseTensor:
        """Sorted, each place once. It looks at the indices: how many places there are is data."""
        if self._coalesced:
            return self
        sizes = self.shape[: self.sparse_dim()]
        steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
        place = (self._at * as_tensor(steps, device=self.device).unsqueeze(1)).sum(0)
        places, which = sorting.unique(place, return_inverse=True)
        indices = [places // step % size for step, size in zip(steps, sizes, strict=True)]
        values = self._zeros(places.shape[0], *self._held.shape[1:])
        values = values.index_add(0, which, self._held)
        return SparseTensor(shaping.stack(indices), values, self.shape, True)

    def to_dense(self, dtype=None, *, masked_grad: bool | None = None) -> Tensor:
        if masked_grad:
            raise NotImplementedError("to_dense(masked_grad=True)")
        dense = self._zeros(*self.shape)
        dense = dense.index_put(tuple(self._at), self._held, accumulate=True)
        return dense if dtype is None else dense.to(dtype)

    def _zeros(self, *sizes: int) -> Tensor:
        return zeros(*sizes, dtype=self.dtype, device=self.device)

    def _with(self, values: Tensor) -> SparseTensor:
        return SparseTensor(self._at, values, self.shape, self._coalesced)

    # -- questions ----------------------------------------------------------------------------

    @property
    def dtype(self):
        return self._held.dtype

    @property
    def device(self):
        return self._held.device

    @property
    def is_cuda(self) -> bool:
        return self._held.is_cuda

    @property
    def requires_grad(self) -> bool:
        return self._held.requires_grad

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def dim(self) -> int:
        return len(self.shape)

    def sparse_dim(self) -> int:
        return self._at.shape[0]

    def dense_dim(self) -> int:
        return self._held.ndim - 1

    def size(self, dim: int | None = None):
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        return math.prod(self.shape)

    def type(self) -> str:
        return f"torch.sparse.{self.dtype.legacy}Tensor"

    def __len__(self) -> int:
        return self.shape[0]

    def __reduce_ex__(self, protocol):
        from jaxtorch import _utils

        parts = (self._at, self._held, self.shape, self._coalesced)
        return _utils._rebuild_sparse_tensor, (self.layout, parts)

    def __repr__(self) -> str:
        shown = [repr(x).replace(f", dtype={x.dtype}", "") for x in (self._at, self._held.detach())]
        if not self._nnz():
            shown[1] = f"tensor([], size={tuple(self._held.shape)})"
        lines = [f"indices={shown[0]}", f"values={shown[1]}"]
        pads = [" " * len("tensor(indices="), " " * len("       values=")]
        inner = [line.replace("\n", "\n" + pad) for line, pad in zip(lines, pads, strict=True)]
        tail = [f"size={tuple(self.shape)}", f"nnz={self._nnz()}"]
        if self.dtype not in (dtypes.float32, dtypes.int64, dtypes.bool):
            tail.append(f"dtype={self.dtype}")
        tail.append("layout=torch.sparse_coo")
        if self.requires_grad:
            tail.append("requires_grad=True")
        return f"tensor({inner[0]},\n       {inner[1]},\n       {', '.join(tail)})"

    # -- others of it -------------------------------------------------------------------------

    def to(self, *args, **kwargs) -> SparseTensor:
        """Values to a dtype, both to a device."""
        values = self._held.to(*args, **kwargs)
        return SparseTensor(self._at.to(values.device), values, self.shape, self._coalesced)

    def cpu(self) -> SparseTensor:
        return self.to("cpu")

    def cuda(self, device=None) -> SparseTensor:
        return self.to("cuda" if device is None else device)

    def float(self) -> SparseTensor:
        return self._with(self._held.float())

    def double(self) -> SparseTensor:
        return self._with(self._held.double())

    def clone(self) -> SparseTensor:
        return SparseTensor(self._at.clone(), self._held.clone(), self.shape, self._coalesced)

    def detach(self) -> SparseTensor:
        return self._with(self._held.detach())

    def t(self) -> SparseTensor:
        return self.transpose(0, 1)

    def transpose(self, dim0: int, dim1: int) -> SparseTensor:
        order = list(range(self.sparse_dim()))
        if self.dense_dim():
            raise NotImplementedError("transpose of a sparse tensor with dense dimensions")
        order[dim0], order[dim1] = order[dim1], order[dim0]
        size = Size(self.shape[i] for i in order)
        return SparseTensor(self._at[order], self._held, size)

    # -- arithmetic ---------------------------------------------------------------------------

    def matmul(self, other) -> Tensor:
        """With a dense matrix or vector."""
        self._need_matrix("matmul")
        if isinstance(other, SparseTensor):
            raise NotImplementedError("a product of two sparse tensors: to_dense() one of them")
        if other.shape[:1] != self.shape[1:]:
            raise RuntimeError(
                f"addmm: Argument #3 (dense): Expected dim 0 size {self.shape[1]}, got "
                f"{other.shape[0]}"
            )
        rows, columns = self._at[0], self._at[1]
        values = self._held if other.ndim == 1 else self._held.unsqueeze(1)
        terms = other.index_select(0, columns) * values
        return self._zeros(self.shape[0], *other.shape[1:]).index_add(0, rows, terms)

    mm = mv = spmm = __matmul__ = matmul

    def __rmatmul__(self, other: Tensor) -> Tensor:
        found = self.t().matmul(other.t() if other.ndim > 1 else other)
        return found.t() if other.ndim > 1 else found

    def _need_matrix(self, name: str) -> None:
        if self.sparse_dim() != 2 or self.dense_dim():
            raise NotImplementedError(f"{name} of a sparse tensor that is no matrix")

    def __mul__(self, other) -> SparseTensor:
        if isinstance(other, SparseTensor):
            raise NotImplementedError("a product of two sparse tensors: to_dense() one of them")
        if isinstance(other, Tensor) and other.ndim:  # at each place with what stands there
            return self._with(self._held * other.expand(self.shape)[tuple(self._at)])
        return self._with(self._held * other)

    __rmul__ = mul = __mul__

    def __truediv__(self, other) -> SparseTensor:
        if isinstance(other, SparseTensor):
            raise NotImplementedError("a quotient of two sparse tensors: to_dense() them")
        if isinstance(other, Tensor) and other.ndim:
            return self._with(self._held / other.expand(self.shape)[tuple(self._at)])
        return self._with(self._held / other)

    div = __truediv__

    def __neg__(self) -> SparseTensor:
        return self._with(-self._held)

    def __add__(self, other) -> SparseTensor:
        if not isinstance(other, SparseTensor):
            raise RuntimeError(
                "add(sparse, dense) is not supported. Use add(dense, sparse) instead."
            )
        if other.shape != self.shape:
            raise RuntimeError(f"add: sizes {self.shape} and {other.shape} of sparse tensors")
        if other._at is self._at:
            return self._with(self._held + other._held)
        indices = shaping.cat((self._at, other._at), 1)
        return SparseTensor(indices, shaping.cat((self._held, other._held)), self.shape).coalesce()

    add = __add__

    def __radd__(self, other: Tensor) -> Tensor:
        return other + self.to_dense()

    def __sub__(self, other) -> SparseTensor:
        return self + -other

    def sum(self, dim=None) -> Tensor:
        if dim is not None:
            raise NotImplementedError("sum(dim=...) of a sparse tensor: to_dense() it")
        return self._held.sum()

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None) -> Any:
        done = _TABLE.get(func)
        if done is None:
            name = getattr(func, "__name__", func)
            raise NotImplementedError(f"{name} of a sparse tensor: to_dense() makes it dense")
        return done(*args, **(kwargs or {}))


def _product(input, other) -> Tensor:
    return input @ other if isinstance(input, SparseTensor) else other.__rmatmul__(input)


def _sum_of(input, other, *, alpha=1):
    scaled = other if alpha == 1 else other * alpha
    return input + scaled if isinstance(input, SparseTensor) else scaled.__radd__(input)


def _times(input, other) -> SparseTensor:
    return input * other if isinstance(input, SparseTensor) else other * input


_TABLE: dict[Any, Any] = {
    blas.mm: _product, blas.matmul: _product, blas.mv: _product,
    Tensor.matmul: _product, Tensor.mm: _product, Tensor.__matmul__: _product,
    arithmetic.add: _sum_of, Tensor.__add__: _sum_of,
    arithmetic.mul: _times, Tensor.__mul__: _times,
    pointwise.neg: SparseTensor.__neg__,
    views.t: SparseTensor.t, views.transpose: SparseTensor.transpose,
}  # fmt: skip


# -- making one ------------------------------------------------------------------------------


def sparse_coo_tensor(
    indices, values=None, size=None, *, dtype=None, device=None, pin_memory: bool = False,
    requires_grad: bool = False, check_invariants: bool | None = None, is_coalesced=None,
) -> SparseTensor:  # fmt: skip
    """``values`` (nnz, ...) at ``indices`` (sparse dims, nnz), in a tensor of ``size``, by default
    the smallest; RuntimeError if they do not belong together."""
    if values is None:
        raise NotImplementedError("sparse_coo_tensor(size): give indices and values of length 0")
    if pin_memory:
        raise NotImplementedError("sparse_coo_tensor(pin_memory=True)")
    held = as_tensor(values, dtype=dtype, device=device)
    at = as_tensor(indices, device=held.device).to(dtypes.int64)
    if at.ndim != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(at.shape)}")
    if at.shape[1] != held.shape[0]:
        raise RuntimeError(
            "indices and values must have same nnz, but got nnz from indices: "
            f"{at.shape[1]}, nnz from values: {held.shape[0]}"
        )
    least = [n + 1 for n in at.amax(1).tolist()] if at.shape[1] else [0] * at.shape[0]
    if size is None:
        size = (*least, *held.shape[1:])
    if len(size) != at.shape[0] + held.ndim - 1:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, "
            f"sparse_dim = {at.shape[0]}, dense_dim = {held.ndim - 1}"
        )
    for dim, (need, have) in enumerate(zip(least, size, strict=False)):
        if need > have or at.shape[1] and at[dim].min().item() < 0:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {dim}, size is {have} but found "
                f"index {need - 1}"
            )
    if requires_grad:
        held = held.detach().requires_grad_()
    return SparseTensor(at, held, Size(size), bool(is_coalesced))


def to_sparse(dense: Tensor, sparse_dim: int | None = None) -> SparseTensor:
    """``Tensor.to_sparse``: the elements that are not zero. It looks at the values."""
    if sparse_dim not in (None, dense.ndim):
        raise NotImplementedError(f"to_sparse({sparse_dim}): all dimensions become sparse")
    at = dense.detach().nonzero().t()
    return SparseTensor(at, dense[tuple(at)], dense.shape, True)


class _Legacy(type):
    """``torch.sparse.FloatTensor(indices, values, size)``."""

    dtype: dtypes.dtype

    def __call__(cls, indices, values, size=None) -> SparseTensor:
        return sparse_coo_tensor(indices, values, size, dtype=cls.dtype)

    def __instancecheck__(cls, t) -> bool:
        return isinstance(t, SparseTensor) and t.dtype is cls.dtype


FloatTensor: Any = _Legacy("FloatTensor", (), {"dtype": dtypes.float32})
DoubleTensor: Any = _Legacy("DoubleTensor", (), {"dtype": dtypes.float64})
IntTensor: Any = _Legacy("IntTensor", (), {"dtype": dtypes.int32})
LongTensor: Any = _Legacy("LongTensor", (), {"dtype": dtypes.int64})


# -- functions -------------------------------------------------------------------------------


def mm(sparse, dense, reduce: str = "sum") -> Tensor:
    """A sparse matrix by a dense one, or a dense by a sparse one."""
    if reduce != "sum":
        raise NotImplementedError(f"sparse.mm(reduce={reduce!r})")
    return blas.mm(sparse, dense)


def spmm(input, mat2) -> Tensor:
    """``torch.mm`` by its name for sparse matrices."""
    return blas.mm(input, mat2)


def addmm(mat, mat1, mat2, *, beta=1, alpha=1) -> Tensor:
    """``beta * mat + alpha * (mat1 @ mat2)``, of which ``mat1`` may be sparse."""
    return mat * beta + blas.mm(mat1, mat2) * alpha


def sum(input: SparseTensor, dim=None, dtype=None) -> Tensor:
    """Of all elements."""
    found = input.sum(dim)
    return found if dtype is None else found.to(dtype)


def softmax(input: SparseTensor, dim: int, *, dtype=None) -> SparseTensor:
    """Over a matrix's elements along ``dim``; what is not there counts as minus infinity."""
    return _normalised(input, dim, dtype, lambda x, total: x.exp() / total)


def log_softmax(input: SparseTensor, dim: int, *, dtype=None) -> SparseTensor:
    return _normalised(input, dim, dtype, lambda x, total: x - pointwise.log(total))


def _normalised(input: SparseTensor, dim: int, dtype, finish) -> SparseTensor:
    input._need_matrix("softmax")
    input = (input if dtype is None else input.to(dtype)).coalesce()
    lines = 1 - dim % 2
    line, values = input._at[lines], input._held
    lowest = full((input.shape[lines],), -math.inf, dtype=input.dtype, device=input.device)
    highest = lowest.scatter_reduce(0, line, values.detach(), "amax")
    x = values - highest[line]
    total = input._zeros(input.shape[lines]).index_add(0, line, x.exp())
    return input._with(finish(x, total[line]))


__getattr__ = left_out.attributes_of(__name__)
