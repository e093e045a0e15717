"""Products with a weight: linear and bilinear."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops._op import Array, op
from jaxtorch.ops._platform import on_cpu
from jaxtorch.ops._promote import dtype_of, widened

__all__ = ["bilinear", "linear"]


def _check_linear(input, weight, bias) -> None:
    if input.ndim == 0 or weight.ndim == 0:
        raise RuntimeError(
            "both arguments to linear need to be at least 1D, but they are "
            f"{input.ndim}D and {weight.ndim}D"
        )
    if weight.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {weight.ndim}D")
    if weight.ndim == 1 and bias is not None:
        raise RuntimeError("mat2 must be a matrix, got 1-D tensor")
    if input.dtype != weight.dtype:
        left, right = map(dtype_of, (input, weight))
        if bias is not None and weight.ndim == 2:
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {left.legacy} and {right.legacy}"
            )
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {left.cpp} != {right.cpp}"
        )
    if input.dtype == bool:
        raise NotImplementedError("\"addmm_impl_cpu_\" not implemented for 'Bool'")
    features = input.shape[-1]
    rows = input.size // features if features else 0
    if features != weight.shape[-1]:
        if weight.ndim == 1:
            raise RuntimeError(
                f"size mismatch, got input ({rows}), mat ({rows}x{features}), "
                f"vec ({weight.shape[0]})"
            )
        out, inner = weight.shape
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({rows}x{features} and {inner}x{out})"
        )
    if bias is None:
        return
    if bias.dtype != input.dtype:
        left, right = (dtypes.from_numpy_dtype(a.dtype).legacy for a in (bias, input))
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {left} and {right}")
    shape = (*input.shape[:-1], weight.shape[0])
    if bias.ndim > len(shape) or any(
        b not in (1, n) for b, n in zip(bias.shape[::-1], shape[::-1], strict=False)
    ):
        raise RuntimeError(
            f"The expanded size of the tensor ({shape[-1]}) must match the existing size "
            f"({bias.shape[-1]}) at non-singleton dimension {len(shape) - 1}.  "
            f"Target sizes: {list(shape)}.  Tensor sizes: {list(bias.shape)}"
        )


def _linear_name(arrays, statics) -> str:
    biased = arrays[2].kind != "none"
    if arrays[0].ndim == 2:
        return "AddmmBackward0" if biased else "MmBackward0"
    return "ViewBackward0" if biased else "UnsafeViewBackward0"


def contract(a, b, a_dim: int, b_dim: int):
    return lax.dot_general(a, b, (((a_dim,), (b_dim,)), ((), ())))


def sum_rows(x):
    """The sum of a matrix's rows, a bias's gradient."""
    if not on_cpu():
        return jnp.sum(x, 0)
    # (1024, 512) on two cores: 0.086 ms as a sum, 0.055 as a product; (1024, 128): 0.039 and 0.020.
    return contract(jnp.ones((1, x.shape[0]), x.dtype), x, 1, 0)[0]


def weight_gradient(grad, x):
    """grad^T x for matrices of as many rows."""
    return contract(grad, x, 0, 0)


def standing(x):
    """x, written to memory before it is read.

    On the CPU, XLA fuses the producers of a gradient into the transposition that a product with it
    makes, and computes them again there in an order that the cache hates: 42 of the 149 ms that a
    GPT of 4 layers of 128 (16 x 64 tokens) takes forward and backward, and it grows with depth.
    """
    return lax.optimization_barrier(x) if on_cpu() else x


def _linear_vjp(needs, args, statics, out, grads):
    input, weight, bias = args
    if weight.ndim == 1:
        return jax.vjp(linear.body, *args)[1](grads)
    grads = standing(grads)
    rows = grads.reshape(-1, grads.shape[-1])
    found = [None, None, None]
    if needs[0]:
        found[0] = contract(rows, weight, 1, 0).reshape(input.shape)
    if needs[1]:
        found[1] = weight_gradient(rows, input.reshape(-1, input.shape[-1]))
    if needs[2]:
        if bias.shape == rows.shape[1:]:
            found[2] = sum_rows(rows)
        else:
            found[2] = jax.vjp(lambda b: jnp.broadcast_to(b, out.shape), bias)[1](grads)[0]
    return tuple(found)


@op(name=_linear_name, vjp=_linear_vjp, out="same")
def linear(input: Array, weight: Array, bias: Array | None = None):
    """input @ weight.T + bias.

    input (*, in), weight (out, in) or (in,), bias (out,) -> (*, out), or (*) where weight is a
    vector.
    """
    _check_linear(input, weight, bias)
    dims = (((input.ndim - 1,), (weight.ndim - 1,)), ((), ()))
    if dtype_of(input) in dtypes.HALF_TYPES:  # rounded once, after the bias
        out = lax.dot_general(input, weight, dims, preferred_element_type=jnp.float32)
        out = out if bias is None else out + jnp.broadcast_to(bias, out.shape).astype(out.dtype)
        return out.astype(input.dtype)
    out = lax.dot_general(input, weight, dims)
    return out if bias is None else out + jnp.broadcast_to(bias, out.shape)


@op(name="AddBackward0")
def bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None):
    """input1 weight[o] input2 + bias for each output o.

    input1 (*, in1), input2 (*, in2), weight (out, in1, in2), bias (out,) -> (*, out).
    """
    if input1.ndim != input2.ndim:
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {input1.ndim} and {input2.ndim}"
        )
    for dim, (a, b) in enumerate(zip(input1.shape[:-1], input2.shape[:-1], strict=True)):
        if a != b:
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {dim}: got {a} and {b}"
            )
    for place, x in ((1, input1), (2, input2)):
        if x.shape[-1] != weight.shape[place]:
            raise RuntimeError(
                f"bilinear(): input{place} size does not match weight size: got {x.shape[-1]} but "
                f"expected {weight.shape[place]}"
            )
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.shape[0]} but expected "
            f"{weight.shape[0]}"
        )
    wide = [widened(x) for x in (input1, weight, input2)]
    out = jnp.einsum("...i,oij,...j->...o", *wide)
    if bias is not None:
        out = out + jnp.broadcast_to(widened(bias), out.shape)
    return out.astype(weight.dtype)
