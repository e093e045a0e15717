"""What distributions are given: numbers and tensors, broadcast; and what is made of them once."""

from __future__ import annotations

import functools

from jaxtorch.autograd import enable_grad
from jaxtorch.ops.data import is_tensor, tensor
from jaxtorch.ops.views import broadcast_tensors

NUMBERS = (bool, int, float)


def broadcast_all(*values) -> tuple:
    """Tensors of one shape; a number takes the dtype and device of the first tensor among them."""
    if not all(is_tensor(v) or isinstance(v, NUMBERS) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing "
            "__torch_function__."
        )
    first = next((v for v in values if is_tensor(v)), None)
    like = {} if first is None else {"dtype": first.dtype, "device": first.device}
    return broadcast_tensors(*[v if is_tensor(v) else as_parameter(v, **like) for v in values])


def as_parameter(number, dtype=None, device=None):
    """A tensor of a number: of the default dtype, though it be an int."""
    return tensor(number, dtype=dtype, device=device) if dtype else tensor(float(number))


class lazy_property:
    """A property that is computed when first read, and kept in the instance's place of its name."""

    def __init__(self, wrapped):
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        instance.__dict__[self.wrapped.__name__] = value
        return value


def is_lazy(owner: type, name: str) -> bool:
    return isinstance(getattr(owner, name, None), lazy_property)


def sum_rightmost(value, dims: int):
    """The sum over the last ``dims`` dimensions."""
    return value.sum(tuple(range(-dims, 0))) if dims else value
