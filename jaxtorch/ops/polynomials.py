"""Orthogonal polynomials, by their recurrences. The order n may differ from element to element."""

from __future__ import annotations

from functools import partial

import jax
from jax import lax, numpy as jnp

from jaxtorch.ops._dims import broadcast
from jaxtorch.ops._op import Operand, op
from jaxtorch.ops._promote import refuse

_plain = partial(op, promote="float", nondiff=True, out=True)


def _recurrence(x: jax.Array, n: jax.Array, second: jax.Array, step) -> jax.Array:
    """p[n] of p[0] = 1, p[1] = second, p[k + 1] = step(k, p[k], p[k - 1]); 0 for a negative n."""
    x, n, second = broadcast(x, n, second)
    n = jnp.where(jnp.isfinite(n), jnp.trunc(n), -1)

    def unfinished(state):
        k, now, _ = state
        return jnp.any((k < n) & (now == now))

    def advance(state):
        k, now, before = state
        going = k < n
        after = jnp.where(going, step(k, now, before), now)
        return k + 1, after, jnp.where(going, now, before)

    start = jnp.ones((), x.dtype), second, jnp.ones_like(x)
    found = lax.while_loop(unfinished, advance, start)[1]
    return jnp.where(n < 0, 0, jnp.where(n < 1, 1, found))


# --- Chebyshev's four kinds, and the same on [0, 1] ---------------------------------------------


def _chebyshev(x, n, second, wave, at_one, at_minus_one):
    """Inside (-1, 1) large orders by cosines: ``wave(n, angle)``. At the ends, what is known."""
    x, n = broadcast(x, n)
    n = jnp.where(jnp.isfinite(n), jnp.trunc(n), -1)
    inside = (jnp.abs(x) < 1) & (n > 8)
    by_steps = _recurrence(
        x, jnp.where(inside, 0, n), second(x), lambda k, now, before: 2 * x * now - before
    )
    found = jnp.where(inside, wave(n, jnp.arccos(jnp.where(inside, x, 0))), by_steps)
    sign = jnp.where(jnp.remainder(n, 2) == 0, 1, -1).astype(x.dtype)
    found = jnp.where(x == 1, at_one(n), jnp.where(x == -1, sign * at_minus_one(n), found))
    return jnp.where(n < 0, 0, found)


def _one(n):
    return jnp.ones_like(n)


def _first_kind(x, n):
    return _chebyshev(x, n, lambda x: x, lambda n, a: jnp.cos(n * a), _one, _one)


def _second_kind(x, n):
    def wave(n, angle):
        return jnp.sin((n + 1) * angle) / jnp.sin(angle)

    return _chebyshev(x, n, lambda x: 2 * x, wave, lambda n: n + 1, lambda n: n + 1)


def _third_kind(x, n):
    def wave(n, angle):
        return jnp.cos((n + 0.5) * angle) / jnp.cos(angle / 2)

    return _chebyshev(x, n, lambda x: 2 * x - 1, wave, _one, lambda n: 2 * n + 1)


def _fourth_kind(x, n):
    def wave(n, angle):
        return jnp.sin((n + 0.5) * angle) / jnp.sin(angle / 2)

    return _chebyshev(x, n, lambda x: 2 * x + 1, wave, lambda n: 2 * n + 1, _one)


@_plain
def chebyshev_polynomial_t(input: Operand, n: Operand):
    """The Chebyshev polynomial of the first kind, cos(n arccos x)."""
    refuse(input, "c", "chebyshev_polynomial_t_cpu")
    return _first_kind(input, n)


@_plain
def chebyshev_polynomial_u(input: Operand, n: Operand):
    """The Chebyshev polynomial of the second kind."""
    refuse(input, "c", "chebyshev_polynomial_u_cpu")
    return _second_kind(input, n)


@_plain
def chebyshev_polynomial_v(input: Operand, n: Operand):
    """The Chebyshev polynomial of the third kind."""
    refuse(input, "c", "chebyshev_polynomial_v_cpu")
    return _third_kind(input, n)


@_plain
def chebyshev_polynomial_w(input: Operand, n: Operand):
    """The Chebyshev polynomial of the fourth kind."""
    refuse(input, "c", "chebyshev_polynomial_w_cpu")
    return _fourth_kind(input, n)


@_plain
def shifted_chebyshev_polynomial_t(input: Operand, n: Operand):
    """The Chebyshev polynomial of the first kind of 2x - 1."""
    refuse(input, "c", "shifted_chebyshev_polynomial_t_cpu")
    return _first_kind(2 * input - 1, n)


@_plain
def shifted_chebyshev_polynomial_u(input: Operand, n: Operand):
    """The Chebyshev polynomial of the second kind of 2x - 1."""
    refuse(input, "c", "shifted_chebyshev_polynomial_u_cpu")
    return _second_kind(2 * input - 1, n)


@_plain
def shifted_chebyshev_polynomial_v(input: Operand, n: Operand):
    """The Chebyshev polynomial of the third kind of 2x - 1."""
    refuse(input, "c", "shifted_chebyshev_polynomial_v_cpu")
    return _third_kind(2 * input - 1, n)


@_plain
def shifted_chebyshev_polynomial_w(input: Operand, n: Operand):
    """The Chebyshev polynomial of the fourth kind of 2x - 1."""
    refuse(input, "c", "shifted_chebyshev_polynomial_w_cpu")
    return _fourth_kind(2 * input - 1, n)


# --- Hermite, Laguerre, Legendre ----------------------------------------------------------------


def _overflowing(x, n, found):
    """NaN from the order on at which torch gives up."""
    limit = 128 if x.dtype == jnp.float32 else 512
    return jnp.where((n > limit) & jnp.isfinite(n), jnp.nan, found)


@_plain
def hermite_polynomial_h(input: Operand, n: Operand):
    """The physicist's Hermite polynomial."""
    refuse(input, "c", "hermite_polynomial_h_cpu")
    x = input
    found = _recurrence(x, n, 2 * x, lambda k, now, before: 2 * x * now - 2 * k * before)
    return _overflowing(x, n, found)


@_plain
def hermite_polynomial_he(input: Operand, n: Operand):
    """The probabilist's Hermite polynomial."""
    refuse(input, "c", "hermite_polynomial_he_cpu")
    x = input
    found = _recurrence(x, n, x, lambda k, now, before: x * now - k * before)
    return _overflowing(x, n, found)


@_plain
def laguerre_polynomial_l(input: Operand, n: Operand):
    """The Laguerre polynomial."""
    refuse(input, "c", "laguerre_polynomial_l_cpu")
    x = input

    def step(k, now, before):
        return ((2 * k + (1 - x)) * now - k * before) / (k + 1)

    return _recurrence(x, n, 1 - x, step)


@_plain
def legendre_polynomial_p(input: Operand, n: Operand):
    """The Legendre polynomial."""
    refuse(input, "c", "legendre_polynomial_p_cpu")
    x = input

    def step(k, now, before):
        return ((2 * k + 1) * x * now - k * before) / (k + 1)

    return _recurrence(x, n, x, step)
