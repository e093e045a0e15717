"""The gamma function's logarithm and its derivatives, on arrays, by torch's rules at the poles."""

from __future__ import annotations

import math
from functools import partial

import jax
from jax import lax, numpy as jnp

# (2k)! / B(2k) of the Euler-Maclaurin formula, as in Cephes' zeta
_TAIL = (
    12.0, -720.0, 30240.0, -1209600.0, 47900160.0, -1.8924375803183791606e9, 7.47242496e10,
    -2.950130727918164224e12, 1.1646782814350067249e14, -4.5979787224074726105e15,
    1.8152105401943546773e17, -7.1661652561756670113e18,
)  # fmt: skip


@jax.custom_jvp
def zeta(s: jax.Array, q: jax.Array) -> jax.Array:
    """Hurwitz's zeta function; also for negative q, of an integer s. In float64 where there is
    one, as torch's. Its derivative exists in respect of q."""
    narrow = q.dtype
    wide = jax.dtypes.canonicalize_dtype(jnp.float64)
    s, q = jnp.broadcast_arrays(s.astype(wide), q.astype(wide))
    start = lax.stop_gradient(q)
    small = jnp.finfo(wide).eps / 2

    def adding(state):
        i, a, total, term = state
        return jnp.any(((i < 9) | (a <= 9)) & ~(jnp.abs(term) < small * jnp.abs(total)))

    def add(state):
        i, a, total, term = state
        going = ((i < 9) | (a <= 9)) & ~(jnp.abs(term) < small * jnp.abs(total))
        a = jnp.where(going, a + 1, a)
        term = jnp.where(going, jnp.power(a, -s), term)
        return i + 1, a, jnp.where(going, total + term, total), term

    first = jnp.power(start, -s)
    _, a, total, term = lax.while_loop(adding, add, (jnp.int32(0), start, first, first))
    done = jnp.abs(term) < small * jnp.abs(total)
    rest = term * a / (s - 1) - term / 2
    factor, k = s, 0
    for divisor in _TAIL:
        term = term / a
        rest = rest + factor * term / divisor
        factor, term, k = factor * (s + k + 1) * (s + k + 2), term / a, k + 2
    found = jnp.where(done, total, total + rest)
    pole = jnp.where(q == jnp.floor(q), math.inf, jnp.where(s == jnp.floor(s), found, math.nan))
    found = jnp.where(q <= 0, pole, found)
    return jnp.where(s == 1, math.inf, jnp.where(s < 1, math.nan, found)).astype(narrow)


@partial(zeta.defjvp, symbolic_zeros=True)
def _zeta_jvp(primals, tangents):
    s, q = primals
    if not isinstance(tangents[0], jax.custom_derivatives.SymbolicZero):
        raise NotImplementedError("the derivative for 'self' of 'special_zeta' is not implemented")
    return zeta(s, q), -s * zeta(s + 1, q) * tangents[1]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def polygamma(n: int, x: jax.Array) -> jax.Array:
    """The n-th derivative of digamma."""
    if n == 0:
        return digamma(x)
    if n == 1:
        return _trigamma(x)
    sign = 1 if n % 2 else -1
    return sign * math.gamma(n + 1) * zeta(jnp.asarray(n + 1, x.dtype), x)


@polygamma.defjvp
def _polygamma_jvp(n, primals, tangents):
    return polygamma(n, *primals), polygamma(n + 1, *primals) * tangents[0]


def _trigamma(x: jax.Array) -> jax.Array:
    """By reflection below 1/2, then six steps up and Stirling's series."""
    below = x < 0.5
    y = jnp.where(below, 1 - x, x)
    total = jnp.zeros_like(x)
    for _ in range(6):
        total, y = total + 1 / (y * y), y + 1
    square = 1 / (y * y)
    series = 1 / 6 - square * (1 / 30 - square * (1 / 42))
    total = total + (1 + 1 / (2 * y) + square * series) / y
    sine = jnp.sin(jnp.asarray(math.pi, x.dtype) * x)
    return jnp.where(below, math.pi**2 / (sine * sine) - total, total)


@jax.custom_jvp
def digamma(x: jax.Array) -> jax.Array:
    """The derivative of lgamma; at the poles NaN, at 0 the infinity of the other sign."""
    pole = jnp.where(jnp.signbit(x), math.inf, -math.inf).astype(x.dtype)
    return jnp.where(x == 0, pole, lax.digamma(x))


@digamma.defjvp
def _digamma_jvp(primals, tangents):
    return digamma(*primals), polygamma(1, *primals) * tangents[0]


@jax.custom_jvp
def lgamma(x: jax.Array) -> jax.Array:
    """log(|gamma(x)|)."""
    return lax.lgamma(x)


@lgamma.defjvp
def _lgamma_jvp(primals, tangents):
    return lgamma(*primals), digamma(*primals) * tangents[0]
