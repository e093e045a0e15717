"""Fill tensors with initial values, in place: PyTorch's own numbers for the same seed.

In a program that JAX stages they are fresh on every call: drawn with the key that ``jaxtorch.jit``
threads through, and in a bare ``jax.jit``, where a module may be built for its shape alone, by a
callback to the host when the program runs, if anything comes of them.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from jaxtorch import random
from jaxtorch.engine.handles import node_of_numpy
from jaxtorch.ops.sampling import _in_order, _order, is_staged
from jaxtorch.tensor import Tensor, wrap

__all__ = [
    "calculate_gain", "constant", "constant_", "dirac", "dirac_", "eye", "eye_", "kaiming_normal",
    "kaiming_normal_", "kaiming_uniform", "kaiming_uniform_", "normal", "normal_", "ones_",
    "orthogonal", "orthogonal_", "sparse", "sparse_", "trunc_normal_", "uniform", "uniform_",
    "xavier_normal", "xavier_normal_", "xavier_uniform", "xavier_uniform_", "zeros_",
]  # fmt: skip

_GAINS = {
    "linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0, "conv_transpose3d": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0), "selu": 3.0 / 4,
}  # fmt: skip


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a nonlinearity shrinks the standard deviation, inverted.

    ``param`` is the negative slope of ``leaky_relu`` (0.01 if None).
    """
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity == "leaky_relu":
        if param is None:
            param = 0.01
        elif isinstance(param, bool) or not isinstance(param, int | float):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + param**2))
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    rows, columns, *window = tensor.shape
    field = math.prod(window)
    return columns * field, rows * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    modes = ["fan_in", "fan_out"]
    mode = mode.lower()
    if mode not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode)]


Initialiser = TypeVar("Initialiser", bound=Callable[..., Tensor])


def _gives_values(initialiser: Initialiser) -> Initialiser:
    """On the device "meta" there are no values: the tensor stays as it is, and nothing is drawn."""

    @functools.wraps(initialiser)
    def run(tensor, *args, **kwargs):
        return tensor if tensor.is_meta else initialiser(tensor, *args, **kwargs)

    return cast(Initialiser, run)


def _put(tensor: Tensor, array: np.ndarray) -> Tensor:
    """Give ``tensor`` these values, concrete from the start: no program ever computes an initial
    value."""
    node = tensor._read()
    values = np.ascontiguousarray(array, node.aval.dtype.numpy).reshape(node.aval.shape)
    return tensor._rebind(wrap(node_of_numpy(values, node.aval.place)))


def _fill(
    tensor: Tensor, draw: Callable[[tuple], np.ndarray], staged: Callable, ordered: bool = True
) -> Tensor:
    """Give ``tensor`` the values of ``draw(shape)``, if ``ordered`` in the order in which its
    elements lie, or in jit's of ``staged(key, shape, dtype)``."""
    shape = tuple(tensor.shape)
    if not is_staged():
        return _put(tensor, _in_order(_order(tensor) if ordered else None, shape, draw))
    kind = jax.dtypes.canonicalize_dtype(tensor.dtype.numpy)
    if random.has_trace_key():
        values = staged(random.trace_key(), shape, kind)
    else:
        values = jax.pure_callback(
            lambda: np.ascontiguousarray(draw(shape), kind), jax.ShapeDtypeStruct(shape, kind)
        )
    return tensor._rebind(Tensor(values))


@_gives_values
def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: random.Generator | None = None
) -> Tensor:
    """Uniform in [a, b)."""
    gen = generator or random.default_generator
    return _fill(
        tensor, lambda shape: random.uniform(gen, shape, tensor.dtype, a, b),
        lambda key, shape, kind: jax.random.uniform(key, shape, kind, a, b),
    )  # fmt: skip


@_gives_values
def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: random.Generator | None = None
) -> Tensor:
    """Normal with this mean and standard deviation."""
    gen = generator or random.default_generator
    return _fill(
        tensor, lambda shape: random.normal(gen, shape, tensor.dtype, mean, std),
        lambda key, shape, kind: mean + std * jax.random.normal(key, shape, kind),
    )  # fmt: skip


@_gives_values
def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same value everywhere."""
    return _put(tensor, np.full(tensor.shape, val, tensor.dtype.numpy))


def ones_(tensor: Tensor) -> Tensor:
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    return constant_(tensor, 0.0)


@_gives_values
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: random.Generator | None = None,
) -> Tensor:
    """Normal, cut off outside [a, b] by drawing again: from the normal where most of it lies
    inside,
    else from the uniform, accepted by the normal's density."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of "
            "values may be incorrect.",
            stacklevel=2,
        )
    gen = generator or random.default_generator

    def staged(key, shape, kind):
        within = jax.random.truncated_normal(key, (a - mean) / std, (b - mean) / std, shape, kind)
        return jnp.clip(mean + std * within, a, b)

    return _fill(
        tensor, lambda shape: _truncated(gen, shape, tensor.dtype, mean, std, a, b), staged
    )


def _truncated(gen, shape, dtype, mean, std, a, b) -> np.ndarray:
    def below(x: float) -> float:
        return (1.0 + math.erf((x - mean) / std / math.sqrt(2.0))) / 2.0

    if below(b) - below(a) > 0.3:
        low, high = dtype.numpy.type(a), dtype.numpy.type(b)
        x = random.normal(gen, shape, dtype, mean, std)
        while (outside := (x < low) | (x > high)).any():
            x = np.where(outside, random.normal(gen, shape, dtype, mean, std), x)
        return x
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    x, pending = np.zeros(shape, dtype.numpy), np.ones(shape, bool)
    while pending.any():
        x = np.where(pending, random.uniform(gen, shape, dtype, a, b), x)
        density = ((x - dtype.numpy.type(mean)) / dtype.numpy.type(std)) ** 2 * -0.5 - peak
        with np.errstate(divide="ignore"):
            pending &= np.log(random.uniform(gen, shape, dtype)) > density
    return x


@_gives_values
def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix, of any shape."""
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _put(tensor, np.eye(*tensor.shape))


@_gives_values
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution's weight that passes each group's input channels on as they are."""
    if tensor.ndimension() not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = tensor.shape[0] // groups
    middle = tuple(size // 2 for size in tensor.shape[2:])
    x = np.zeros(tensor.shape)
    for group in range(groups):
        for d in range(min(per_group, tensor.shape[1])):
            x[(group * per_group + d, d, *middle)] = 1
    return _put(tensor, x)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: random.Generator | None = None
) -> Tensor:
    """Uniform with variance ``gain**2 * 2 / (fan_in + fan_out)`` (Glorot & Bengio, 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(
    tensor: Tensor, gain: float = 1.0, generator: random.Generator | None = None
) -> Tensor:
    """Normal with variance ``gain**2 * 2 / (fan_in + fan_out)`` (Glorot & Bengio, 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    return normal_(tensor, 0.0, std, generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: random.Generator | None = None,
) -> Tensor:
    """Uniform with variance ``gain**2 / fan`` (He et al., 2015)."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: random.Generator | None = None,
) -> Tensor:
    """Normal with variance ``gain**2 / fan`` (He et al., 2015)."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0, std, generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


@_gives_values
def orthogonal_(
    tensor: Tensor, gain: float = 1, generator: random.Generator | None = None
) -> Tensor:
    """Orthogonal rows or columns, whichever are fewer, times ``gain`` (Saxe et al., 2013)."""
    if tensor.ndimension() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    gen = generator or random.default_generator

    def made_of(x, library):
        q, r = library.linalg.qr(x.T if rows < columns else x)
        q = q * library.sign(library.diag(r))[None]  # uniform over the group: math-ph/0609050
        return gain * (q.T if rows < columns else q)

    def staged(key, shape, kind):
        return made_of(jax.random.normal(key, (rows, columns), kind), jnp).reshape(shape)

    def draw(shape):
        x = made_of(random.normal(gen, (rows, columns), tensor.dtype), np)
        return x.reshape(shape)

    return _fill(tensor, draw, staged, ordered=False)


@_gives_values
def sparse_(
    tensor: Tensor,
    sparsity: float,
    std: float = 0.01,
    generator: random.Generator | None = None,
) -> Tensor:
    """Normal, with a fraction ``sparsity`` of each column set to zero (Martens, 2010)."""
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    gen = random.default_generator

    def draw(shape):
        x = random.normal(generator or gen, shape, tensor.dtype, 0, std)
        for column in range(columns):  # PyTorch takes the rows from the default generator
            x[random.permutation(gen, rows)[:zeros], column] = 0
        return x

    def staged(key, shape, kind):
        values, places = jax.random.split(key)
        rank = jnp.argsort(jax.random.uniform(places, shape), axis=0)
        return jnp.where(rank < zeros, 0, std * jax.random.normal(values, shape, kind))

    return _fill(tensor, draw, staged, ordered=False)


def _renamed(function: Callable) -> Callable:
    new, old = function.__name__, function.__name__[:-1]

    @functools.wraps(function)
    def deprecated(*args, **kwargs):
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.",
            FutureWarning,
            stacklevel=2,
        )
        return function(*args, **kwargs)

    deprecated.__name__ = old
    return deprecated


uniform = _renamed(uniform_)
normal = _renamed(normal_)
constant = _renamed(constant_)
eye = _renamed(eye_)
dirac = _renamed(dirac_)
xavier_uniform = _renamed(xavier_uniform_)
xavier_normal = _renamed(xavier_normal_)
kaiming_uniform = _renamed(kaiming_uniform_)
kaiming_normal = _renamed(kaiming_normal_)
orthogonal = _renamed(orthogonal_)
sparse = _renamed(sparse_)
