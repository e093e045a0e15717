"""Random tensors: PyTorch's own numbers from the same seed, drawn by the generators of ``random``.

Inside a program that JAX stages (``jaxtorch.jit``) values come from the key that it threads
through: fresh on every call, and not PyTorch's.
"""

from __future__ import annotations

import math
import operator
from typing import Any, TypedDict, Unpack

import jax
import jax.numpy as jnp
import numpy as np
from jax._src.core import trace_ctx
from jax._src.interpreters.partial_eval import DynamicJaxprTrace

from jaxtorch import devices, dtypes, random
from jaxtorch.engine.handles import Handles, node_of_array
from jaxtorch.engine.meta import node_of_shape
from jaxtorch.engine.trace import is_traced
from jaxtorch.ops import pathwise, strides
from jaxtorch.ops._dims import type_name
from jaxtorch.ops._op import Array, Operand, check, index_dtype, op
from jaxtorch.ops._overrides import asks_first, asks_modes
from jaxtorch.ops.creation import _made, _sizes
from jaxtorch.ops.data import is_tensor, wrap
from jaxtorch.ops.views import broadcast_shapes, view_as_complex
from jaxtorch.rejection import von_mises_proposal, von_mises_ratio


class Options(TypedDict, total=False):
    """What random creation functions take beside their own arguments."""

    generator: Any
    out: Any
    dtype: dtypes.dtype | None
    device: Any
    requires_grad: bool
    layout: Any
    pin_memory: bool
    memory_format: Any
    names: Any


def is_staged() -> bool:
    """Inside a function that JAX turns into a program (jit, scan), where a number would freeze?"""
    trace = trace_ctx.trace
    while trace is not None:
        if isinstance(trace, DynamicJaxprTrace):
            return True
        trace = getattr(trace, "parent_trace", None)
    return False


def generator_of(device, generator=None):
    """The generator to draw from for a tensor on ``device``."""
    random.differing()  # which raises where nothing may be drawn
    if generator is not None:
        if not isinstance(generator, random.Generator):
            raise TypeError(
                "argument 'generator' must be torch.Generator, not " + type(generator).__name__
            )
        return generator
    return random.thread_safe_generator() or random.generator_for(device)


def _drawn(staged, draw, *args):
    """A tensor of ``draw(*args)``'s numbers, or, in a staged program, of ``staged(key)``'s."""
    if is_staged():
        return Handles.wrap(node_of_array(staged(random.trace_key())))
    batches = random.differing()
    if not batches:
        return wrap(draw(*args))
    # All examples' numbers are drawn together, as PyTorch does it, and each takes its own.
    sizes = tuple(b.size for b in batches)
    if any(isinstance(a, tuple) for a in args):
        drawn = draw(*((*sizes, *a) if isinstance(a, tuple) else a for a in args))
    else:
        drawn = np.stack([draw(*args) for _ in range(math.prod(sizes))])
        drawn = drawn.reshape(*sizes, *drawn.shape[1:])
    table = wrap(drawn).jax()
    return Handles.wrap(node_of_array(table[tuple(b.index for b in batches)]))


def _kind(dtype):
    return jax.dtypes.canonicalize_dtype(dtype.numpy)


def _order(input) -> list | None:
    """The dimensions of ``input`` from the one whose neighbours lie furthest apart to the nearest:
    PyTorch draws for the elements as they lie. None where that is the dimensions' own order."""
    own = list(range(input.ndim))
    if strides.is_contiguous(input):
        return None
    steps = strides.stride(input)
    order = sorted(own, key=lambda d: -steps[d])
    return None if order == own else order


def _in_order(order: list | None, shape: tuple, draw):
    """``draw(shape)`` in row-major order, or of the (last) dimensions in another order."""
    if order is None:
        return draw(shape)
    batch = len(shape) - len(order)  # under vmap
    order = [*range(batch), *(batch + d for d in order)]
    return draw(tuple(shape[d] for d in order)).transpose(np.argsort(order))


def _is_meta(gen) -> bool:
    """Is it of the device "meta", where nothing is drawn?"""
    return gen.device.type == "meta"


def _meta(shape, dtype):
    return Handles.wrap(node_of_shape(shape, dtype))


def _uniform(gen, low, high, shape, dtype, order=None):
    if _is_meta(gen):
        return _meta(shape, dtype)

    def staged(key):
        return jax.random.uniform(key, shape, _kind(dtype), low, high)

    return _drawn(
        staged, _in_order, order, shape, lambda s: random.uniform(gen, s, dtype, low, high)
    )


def _normal(gen, mean, std, shape, dtype, order=None):
    if _is_meta(gen):
        return _meta(shape, dtype)
    if dtype.is_complex:
        part = dtypes.float64 if dtype is dtypes.complex128 else dtypes.float32
        # both parts have this mean, as in torch
        return view_as_complex(_normal(gen, mean, std * 0.5**0.5, (*shape, 2), part))

    def staged(key):
        return jax.random.normal(key, shape, _kind(dtype)) * std + mean

    def draw(s):
        return random.normal(gen, s, dtype, mean, std, order is None)

    return _drawn(staged, _in_order, order, shape, draw)


def _randint(gen, low, high, shape, dtype, order=None):
    if _is_meta(gen):
        return _meta(shape, dtype)

    def staged(key):
        wide = index_dtype()
        return jax.random.randint(key, shape, low, high, wide).astype(_kind(dtype))

    return _drawn(
        staged, _in_order, order, shape, lambda s: random.randint(gen, low, high, s, dtype)
    )


def _device_of(device):
    return devices.get_default_device() if device is None else devices.device(device)


def _options(generator=None, device=None, **rest):
    return generator_of(_device_of(device), generator), {"device": device, **rest}


@asks_modes
def rand(*sizes, size=None, **options: Unpack[Options]):
    """Uniform in [0, 1)."""
    gen, rest = _options(**options)
    shape = _sizes("rand", sizes, size)
    return _made(lambda d: _uniform(gen, 0.0, 1.0, shape, d), **rest)


@asks_modes
def randn(*sizes, size=None, **options: Unpack[Options]):
    """Normal with mean 0 and variance 1."""
    gen, rest = _options(**options)
    shape = _sizes("randn", sizes, size)
    return _made(lambda d: _normal(gen, 0.0, 1.0, shape, d), **rest)


@asks_modes
def randint(low=None, high=None, size=None, **options: Unpack[Options]):
    """Integers in [low, high): ``randint(high, size)`` or ``randint(low, high, size)``."""
    if size is None:
        if isinstance(high, (tuple, list)):
            low, high, size = None, low, high
        else:
            raise TypeError('randint() missing 1 required argument: "size"')
    elif high is None:
        low, high = None, low
    for name, bound in (("low", 0 if low is None else low), ("high", high)):
        if not hasattr(bound, "__index__"):
            at = 2 if name == "high" and low is not None else 1
            raise TypeError(
                f"randint(): argument '{name}' (position {at}) must be int, not {type_name(bound)}"
            )
    low = 0 if low is None else low
    low, high = operator.index(low), operator.index(high)
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    gen, rest = _options(**options)
    shape = _sizes("randint", (tuple(size),))
    return _made(lambda d: _randint(gen, low, high, shape, d), default=dtypes.int64, **rest)


@asks_modes
def randperm(n: int, **options: Unpack[Options]):
    """The integers 0 to n - 1 in random order."""
    gen, rest = _options(**options)

    def make(dtype):
        if _is_meta(gen):
            return _meta((n,), dtype)

        def staged(key):
            return jax.random.permutation(key, n).astype(_kind(dtype))

        return _drawn(staged, random.permutation, gen, n, dtype)

    return _made(make, default=dtypes.int64, **rest)


def _like(make, input, options):
    """``make(gen, shape, dtype, order)``, by default of the shape, dtype, device and layout of
    ``input``."""
    if options.get("device") is None:
        options["device"] = input.device
    gen, rest = _options(**options)
    keeps = str(options.get("memory_format", "torch.preserve_format")) == "torch.preserve_format"
    order = _order(input) if keeps else None
    shape = tuple(input.shape)
    return _made(lambda dtype: make(gen, shape, dtype, order), default=input.dtype, **rest)


@asks_first
def rand_like(input, **options: Unpack[Options]):
    return _like(lambda gen, *rest: _uniform(gen, 0.0, 1.0, *rest), input, options)


@asks_first
def randn_like(input, **options: Unpack[Options]):
    return _like(lambda gen, *rest: _normal(gen, 0.0, 1.0, *rest), input, options)


@asks_first
def randint_like(input, low=None, high=None, **options: Unpack[Options]):
    low, high = (0, low) if high is None else (low or 0, high)
    if high is None:
        raise TypeError('randint_like() missing 1 required positional arguments: "high"')
    return _like(lambda gen, *rest: _randint(gen, int(low), int(high), *rest), input, options)


# --- from parameters ----------------------------------------------------------------------------


def _no_kernel(name: str, dtype: dtypes.dtype) -> NotImplementedError:
    return NotImplementedError(f"\"{name}\" not implemented for '{dtype.legacy}'")


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator=None,
    out=None,
    dtype=None,
    **options,
):
    """Normal with ``mean`` and ``std``: numbers (and ``size``), or tensors, one draw an element."""
    if not is_tensor(mean) and not is_tensor(std):
        if size is None:
            raise TypeError('normal() missing 1 required argument: "size"')
        options = {"device": "cpu"} | options  # it does not ask for the default device
        gen, rest = _options(generator, **options)
        shape = _sizes("normal", (tuple(size),))
        mean, std = float(mean), float(std)
        return _made(lambda d: _normal(gen, mean, std, shape, d), out=out, dtype=dtype, **rest)
    if out is not None and not (out.dtype.is_floating_point or out.dtype.is_complex):
        raise _no_kernel("normal_kernel_cpu", out.dtype)
    like = mean if is_tensor(mean) else std
    shape = tuple(like.shape)
    if is_tensor(std):
        scale, factor = 1.0, std
        shape = tuple(broadcast_shapes(shape, std.shape))
    else:
        scale, factor = float(std), 1.0
    gen = generator_of(like.device, generator)
    # torch draws in the dtype that it writes
    dtype = like.dtype if out is None else out.dtype
    drawn = _normal(gen, 0.0, scale, shape, dtype).to(like.device)
    made = _moved(drawn, factor, mean)
    return made if out is None else Handles.assign_out(made, out)


@op(name="NormalBackward1")
def _moved(noise: Array, std: Operand, mean: Operand):
    """noise * std + mean, of the dtype of ``noise``; its gradient is zero."""
    std, mean = jax.lax.stop_gradient((std, mean))
    scaled = noise * std.astype(noise.dtype)
    if scaled.dtype.itemsize < 4:  # rounded here too, where XLA would keep the digits
        kind = jnp.finfo(scaled.dtype)
        scaled = jax.lax.reduce_precision(scaled, kind.nexp, kind.nmant)
    text = "normal expects all elements of std >= 0.0"
    return check(scaled + mean.astype(scaled.dtype), std >= 0, std, text, RuntimeError)


def _drawn_with(inputs, staged, draw, generator=None):
    """A tensor drawn with parameters that are tensors: ``draw(gen, *arrays)``, NumPy's; inside a
    trace, where they have no values yet, ``staged(key, *arrays)``."""
    inputs = [x.detach() for x in inputs]
    if is_staged():
        key = random.trace_key()
    else:
        generator = generator_of(inputs[0].device, generator)
        if not any(is_traced(x._read()) for x in inputs):
            return wrap(draw(generator, *[x.cpu().numpy() for x in inputs]), inputs[0].device)
        key = jax.random.wrap_key_data(generator.call_key(), impl="threefry2x32")
        key = random.example_key(key)
    return Handles.wrap(node_of_array(staged(key, *[x.jax() for x in inputs])))


def bernoulli(input, p: float | None = None, *, generator=None, out=None):
    """0 or 1, with each element of ``input`` (or ``p``) as the probability of 1."""
    gen = generator_of(input.device, generator)
    if p is not None:
        made = _bernoulli(gen, float(p), tuple(input.shape), input.dtype)
    else:
        dtype = input.dtype

        def staged(key, rate):
            return (jax.random.uniform(key, rate.shape, rate.dtype) < rate).astype(rate.dtype)

        drawn = _drawn_with([input], staged, lambda g, x: random.bernoulli_like(g, x, dtype), gen)
        made = pathwise.bernoulli_of(input, drawn)
    if out is None:
        return made
    if out.dtype.is_complex:
        raise _no_kernel("bernoulli_tensor_cpu_self_", out.dtype)
    return Handles.assign_out(made.to(out.dtype), out)


def _bernoulli(gen, p, shape, dtype):
    def staged(key):
        return jax.random.bernoulli(key, p, shape).astype(_kind(dtype))

    return _drawn(staged, random.bernoulli, gen, shape, dtype, p)


def multinomial(input, num_samples: int, replacement: bool = False, *, generator=None, out=None):
    """Indices drawn by weight: (num_samples,) of a vector, (rows, num_samples) of a matrix."""
    if not input.dtype.is_floating_point:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {input.dtype.legacy}"
        )

    def staged(key, weights):
        logits = jnp.log(weights)
        if replacement:
            rows = weights.shape[:-1]
            at = jax.random.categorical(key, logits, shape=(num_samples, *rows))
            at = jnp.moveaxis(at, 0, -1)
        else:
            scores = logits + jax.random.gumbel(key, logits.shape, logits.dtype)
            at = jax.lax.top_k(scores, num_samples)[1]
        return at.astype(_kind(dtypes.int64))

    def draw(gen, weights):
        return random.multinomial(gen, weights, num_samples, replacement)

    if out is not None and out.dtype is not dtypes.int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype.legacy}")
    made = _drawn_with([input], staged, draw, generator)
    return made if out is None else Handles.assign_out(made, out)


def poisson(input, generator=None):
    """Poisson with each element of ``input`` as its rate."""

    def staged(key, rate):
        return jax.random.poisson(key, rate).astype(rate.dtype)

    return pathwise.poisson_of(input, _drawn_with([input], staged, random.poisson, generator))


def binomial(count, prob, generator=None):
    """The successes among ``count`` trials of probability ``prob``, of count's shape and dtype."""
    for name, x in (("count", count), ("prob", prob)):
        if not x.dtype.is_floating_point:
            raise ValueError(
                f"binomial only supports floating-point dtypes for {name}, got: {x.dtype.legacy}"
            )
    if count.dtype is not prob.dtype:
        raise RuntimeError(f"Found dtype {prob.dtype.legacy} but expected {count.dtype.legacy}")

    shape = broadcast_shapes(count.shape, prob.shape)
    if shape != count.shape:
        raise RuntimeError(
            f"output with shape {list(count.shape)} doesn't match the broadcast shape {list(shape)}"
        )

    def staged(key, count, prob):
        return jax.random.binomial(key, count, prob, count.shape, count.dtype)

    return _drawn_with([count, prob], staged, random.binomial, generator)


def _standard_gamma(input, generator=None):
    """Gamma with each element of ``input`` as its shape parameter, and rate 1; differentiable."""

    def staged(key, alpha):
        return jnp.maximum(jax.random.gamma(key, alpha, dtype=alpha.dtype), _tiny(alpha))

    return pathwise.gamma_of(input, _drawn_with([input], staged, random.standard_gamma, generator))


def _sample_dirichlet(input, generator=None):
    """Rows that sum to 1, with the last dimension of ``input`` as concentrations."""

    def staged(key, alpha):
        logs = jax.random.loggamma(key, alpha, dtype=alpha.dtype)  # small ones do not underflow
        return jnp.maximum(jax.nn.softmax(logs, -1), _tiny(alpha))

    return _drawn_with([input], staged, random.dirichlet, generator)


def _von_mises(loc, concentration):
    """Angles around ``loc``: see ``torch.distributions.VonMises``."""

    def staged(key, loc, kappa):
        ratio = von_mises_ratio(jnp, kappa)

        def unfinished(state):
            return ~jnp.all(state[2])

        def again(state):
            key, drawn, done = state
            key, now = jax.random.split(key)
            u = jax.random.uniform(now, (3, *loc.shape), loc.dtype)
            angle, accepted = von_mises_proposal(jnp, u, kappa, ratio)
            return key, jnp.where(accepted, angle, drawn), done | accepted

        start = (key, jnp.zeros_like(loc), jnp.zeros(loc.shape, bool))
        drawn = jax.lax.while_loop(unfinished, again, start)[1]
        return (drawn + math.pi + loc) % (2 * math.pi) - math.pi

    return _drawn_with([loc, concentration], staged, random.von_mises)


def _tiny(x):
    return jnp.finfo(x.dtype).tiny


# --- in place -----------------------------------------------------------------------------------


def _fill(input, staged, draw, *args, generator=None):
    """Write fresh numbers to all of ``input``, in the order in which its elements lie."""
    if input.is_meta:
        return input
    gen = generator_of(input.device, generator)
    shape, dtype = tuple(input.shape), input.dtype
    made = _drawn(
        lambda key: staged(key, shape, _kind(dtype)),
        _in_order, _order(input), shape, lambda s: draw(gen, s, dtype, *args),
    )  # fmt: skip
    return input._write(made.to(input.device))


def uniform_(input, from_: float = 0.0, to: float = 1.0, *, generator=None, **named):
    """Uniform in [from, to)."""
    low, high = float(named.get("from", from_)), float(to)

    def staged(key, shape, dtype):
        return jax.random.uniform(key, shape, dtype, low, high)

    return _fill(input, staged, random.uniform, low, high, generator=generator)


def normal_(input, mean: float = 0.0, std: float = 1.0, *, generator=None):
    """Normal with this mean and standard deviation."""
    mean, std = float(mean), float(std)
    if input.dtype.is_complex:
        gen = generator_of(input.device, generator)
        return input._write(_normal(gen, mean, std, tuple(input.shape), input.dtype))

    def staged(key, shape, dtype):
        return jax.random.normal(key, shape, dtype) * std + mean

    blocks = strides.is_contiguous(input)
    return _fill(input, staged, random.normal, mean, std, blocks, generator=generator)


_ABSENT: Any = object()


def random_(input, from_=None, to=_ABSENT, *, generator=None, **named):
    """Integers in [from, to), [0, to), [from, the dtype's greatest] for a ``to`` of None, or all
    that the dtype holds exactly."""
    low = named.get("from", from_)
    if to is _ABSENT:
        low, to = (low, None) if "from" in named or low is None else (0, low)

    def staged(key, shape, dtype):
        info = jnp.iinfo(dtype) if jnp.issubdtype(dtype, jnp.integer) else None
        top = to if to is not None else (info.max if info else 2**24)
        return jax.random.randint(key, shape, low or 0, top).astype(dtype)

    return _fill(input, staged, random.random_, low, to, generator=generator)


def bernoulli_(input, p: Any = 0.5, *, generator=None):
    """1 with probability ``p`` (a number, or a tensor of one for each element), else 0."""
    gen = generator_of(input.device, generator)
    shape = tuple(input.shape)
    if not is_tensor(p):

        def staged(key, shape, dtype):
            return jax.random.bernoulli(key, float(p), shape).astype(dtype)

        return _fill(input, staged, random.bernoulli, float(p), generator=generator)
    order = _order(input) or list(range(input.ndim))
    drawn = bernoulli(p.expand(shape).permute(order).contiguous(), generator=gen)
    return input.copy_(drawn.permute(*np.argsort(order).tolist()))


def exponential_(input, lambd: float = 1.0, *, generator=None):
    """Exponential with rate ``lambd``."""

    def staged(key, shape, dtype):
        return jax.random.exponential(key, shape, dtype) / lambd

    return _fill(input, staged, random.exponential, float(lambd), generator=generator)


def geometric_(input, p: float, *, generator=None):
    """The number of trials up to the first success, of probability ``p``."""

    def staged(key, shape, dtype):
        return jax.random.geometric(key, p, shape).astype(dtype)

    return _fill(input, staged, random.geometric, float(p), generator=generator)


def cauchy_(input, median: float = 0.0, sigma: float = 1.0, *, generator=None):
    """Cauchy around ``median``."""

    def staged(key, shape, dtype):
        return jax.random.cauchy(key, shape, dtype) * sigma + median

    return _fill(input, staged, random.cauchy, float(median), float(sigma), generator=generator)


def log_normal_(input, mean: float = 1.0, std: float = 2.0, *, generator=None):
    """exp of a normal with this mean and standard deviation."""

    def staged(key, shape, dtype):
        return jnp.exp(jax.random.normal(key, shape, dtype) * std + mean)

    return _fill(input, staged, random.log_normal, float(mean), float(std), generator=generator)


# a state is a ByteTensor
random.Generator.wrap_state = staticmethod(wrap)  # pyright: ignore[reportAttributeAccessIssue]
