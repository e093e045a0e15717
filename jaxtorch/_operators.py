"""Python's operators on Tensors: which op each one is, forwards, reflected and in place."""

from __future__ import annotations

from jaxtorch.engine.handles import Handles
from jaxtorch.ops import arithmetic, bitwise, blas, comparison, pointwise
from jaxtorch.ops._dispatch import is_operand
from jaxtorch.ops._op import inplace
from jaxtorch.ops._overrides import Untaken, overrides

_PLAIN = {bool, int, float, complex}


def _operator(function):
    """``function`` as Python's operator: NotImplemented for what is no operand, so that the other
    side is asked."""

    def operate(self, other):
        kind = other.__class__
        if kind in Handles.classes or kind in _PLAIN or is_operand(other) or overrides(other):
            try:
                return function(self, other)
            except Untaken:
                pass  # Python asks the other side, and says what it says if that takes nothing
        return NotImplemented

    operate.__name__ = operate.__qualname__ = function.__name__
    operate.__doc__ = function.__doc__
    operate.__wrapped__ = function
    return operate


def _reflected(function):
    """``function`` with its operands exchanged, as the operator of the right-hand side."""
    reflected = _operator(lambda self, other: function(other, self))
    reflected.__wrapped__ = function
    reflected.__name__ = reflected.__qualname__ = f"__r{function.__name__}__"
    return reflected


def _reciprocal_times(self, other):
    # torch divides a number by a tensor so, and its graph shows the multiplication
    return arithmetic.mul(pointwise.reciprocal(self), other)


class TensorOperators:
    """What Tensor inherits of Python's operators."""

    __slots__ = ()

    __add__ = __radd__ = _operator(arithmetic.add)
    __sub__ = _operator(arithmetic.sub)
    __rsub__ = _operator(arithmetic.rsub)
    __mul__ = __rmul__ = _operator(arithmetic.mul)
    __truediv__ = _operator(arithmetic.true_divide)
    __div__ = __truediv__
    __rtruediv__ = __rdiv__ = _operator(_reciprocal_times)
    __floordiv__ = _operator(arithmetic.floor_divide)
    __rfloordiv__ = _reflected(arithmetic.floor_divide)
    __mod__ = _operator(arithmetic.remainder)
    __rmod__ = _reflected(arithmetic.remainder)
    __pow__ = _operator(arithmetic.pow)
    __rpow__ = _reflected(arithmetic.pow)
    __matmul__ = _operator(blas.matmul)
    __rmatmul__ = _reflected(blas.matmul)
    __and__ = __rand__ = _operator(bitwise.bitwise_and)
    __or__ = __ror__ = _operator(bitwise.bitwise_or)
    __xor__ = __rxor__ = _operator(bitwise.bitwise_xor)
    __lshift__ = _operator(bitwise.bitwise_left_shift)
    __rlshift__ = _reflected(bitwise.bitwise_left_shift)
    __rshift__ = _operator(bitwise.bitwise_right_shift)
    __rrshift__ = _reflected(bitwise.bitwise_right_shift)
    __eq__ = _operator(comparison.eq)
    __ne__ = _operator(comparison.ne)
    __lt__ = _operator(comparison.lt)
    __le__ = _operator(comparison.le)
    __gt__ = _operator(comparison.gt)
    __ge__ = _operator(comparison.ge)
    __hash__ = object.__hash__
    __neg__ = pointwise.neg
    __pos__ = pointwise.positive
    __abs__ = pointwise.abs
    __invert__ = bitwise.bitwise_not
    __iadd__ = _operator(arithmetic.add.inplace)
    __isub__ = _operator(arithmetic.sub.inplace)
    __imul__ = _operator(arithmetic.mul.inplace)
    __itruediv__ = __idiv__ = _operator(arithmetic.true_divide.inplace)
    __ifloordiv__ = _operator(arithmetic.floor_divide.inplace)
    __imod__ = _operator(arithmetic.remainder.inplace)
    __ipow__ = _operator(inplace(arithmetic.pow))
    __iand__ = _operator(bitwise.bitwise_and.inplace)
    __ior__ = _operator(bitwise.bitwise_or.inplace)
    __ixor__ = _operator(bitwise.bitwise_xor.inplace)
    __ilshift__ = _operator(bitwise.bitwise_left_shift.inplace)
    __irshift__ = _operator(bitwise.bitwise_right_shift.inplace)
