"""Samples as functions of the parameters they were drawn with: what of them has a gradient.

A gamma sample moves with its shape parameter so that its place in the distribution stays: the
gradient is -(d cdf / d parameter) / pdf (Figurnov, Mohamed and Mnih 2018). What is drawn itself
comes from ``sampling``.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxtorch.ops._op import Array, op


@op(name="BernoulliBackward0")
def bernoulli_of(input: Array, drawn: Array):
    """``drawn``: its gradient is zero."""
    return drawn


@op(name="PoissonBackward0")
def poisson_of(input: Array, drawn: Array):
    """``drawn``: its gradient is zero."""
    return drawn


@op(name="StandardGammaBackward0")
def gamma_of(input: Array, drawn: Array):
    """``drawn``, which moves with the shape parameter."""
    return _gamma_path(input, drawn)


@op(name="_DirichletBackward")
def dirichlet_of(concentration: Array, drawn: Array):
    """``drawn``, which moves with the concentrations of the last dimension."""
    return _dirichlet_path(concentration, drawn)


@jax.custom_jvp
def _gamma_path(alpha, drawn):
    return drawn


@_gamma_path.defjvp
def _gamma_moves(primals, tangents):
    alpha, drawn = primals
    return drawn, tangents[1] + _once(lax.random_gamma_grad(alpha, drawn)) * tangents[0]


@jax.custom_jvp
def _dirichlet_path(concentration, drawn):
    return drawn


@_dirichlet_path.defjvp
def _dirichlet_moves(primals, tangents):
    concentration, x = primals
    total = jnp.broadcast_to(jnp.sum(concentration, -1, keepdims=True), x.shape)
    moves = _once(dirichlet_grad(x, concentration, total)) * tangents[0]
    return x, tangents[1] + moves - x * jnp.sum(moves, -1, keepdims=True)


@jax.custom_jvp
def _once(x):
    return x


@_once.defjvp
def _refuse(primals, tangents):
    raise NotImplementedError("a sample's gradient with respect to its parameters has none itself")


def dirichlet_grad(x, alpha, total):
    """-(d cdf / d alpha) / pdf / (1 - x) of Beta(alpha, total - alpha) at x, approximated.

    PyTorch's four approximations, each where it is good: series at both ends, a saddle point for
    large parameters, elsewhere a correction fitted to an analytic form.
    """
    beta, narrow = total - alpha, x.dtype
    spread = total * x * (1 - x)
    near_zero, near_one = _alpha_series(x, alpha, beta), -_beta_series(1 - x, beta, alpha)
    if jax.config.jax_enable_x64:  # these cancel
        x, alpha, total = (v.astype(jnp.float64) for v in (x, alpha, total))
    middle, fitted = _saddle_point(x, alpha, total), _fitted(x, alpha, total)
    rest = jnp.where((alpha > 6) & (total - alpha > 6), middle, fitted).astype(narrow)
    rest = jnp.where((x >= 0.5) & (spread < 0.75), near_one, rest)
    return jnp.where((x <= 0.5) & (spread < 2.5), near_zero, rest)


def _alpha_series(x, alpha, beta):
    factor = lax.digamma(alpha) - lax.digamma(alpha + beta) - jnp.log(x)
    term, total = jnp.ones_like(x), (factor + 1 / alpha) / alpha
    for i in range(1, 11):
        term = term * (i - beta) * x / i
        total = total + term / (alpha + i) * (factor + 1 / (alpha + i))
    found = x * (1 - x) ** -beta * total
    return jnp.where(found != found, 0, found)


def _beta_series(x, alpha, beta):
    factor = lax.digamma(alpha + beta) - lax.digamma(beta)
    term, falling, slope, total = jnp.ones_like(x), jnp.ones_like(x), 0, factor / alpha
    for i in range(1, 9):
        term = -term * x / i
        slope = slope * (beta - i) + falling
        falling = falling * (beta - i)
        total = total + term / (alpha + i) * (slope + factor * falling)
    found = -((1 - x) ** (1 - beta)) * total
    return jnp.where(found != found, 0, found)


def _saddle_point(x, alpha, total):
    beta = total - alpha
    mean = alpha / total
    deviation = jnp.sqrt(alpha * beta / (total + 1)) / total
    inner = 8 * (1 - x) * (135 * beta - 11)
    inner = (453 + 1620 * beta * (1 - x) - 455 * x) * beta + alpha * inner
    inner = 3 * (59 + 180 * beta - 90 * x) * beta**2 + alpha * inner
    inner = (43 + 20 * (16 + 27 * beta) * x) * beta**3 + alpha * inner
    inner = 47 * x * beta**4 + alpha * inner
    scale = (1 + 12 * alpha) * (1 + 12 * beta) / total**2
    scale = scale / (12960 * alpha**3 * beta**2 * (1 + 12 * total))
    at_the_mean = scale / (1 - x) * inner

    stirling = _stirling(alpha) * _stirling(beta) / _stirling(total)
    off = alpha * (x - 1) + beta * x
    first = 2 * alpha**2 * (x - 1) + alpha * beta * (x - 1) - x * beta**2
    first = first / (jnp.sqrt(2 * alpha / beta) * total**1.5 * off**2)
    below = jnp.log(alpha / (total * x))
    base = beta * jnp.log(beta / (total * (1 - x))) + alpha * below
    power = base**-1.5
    third = jnp.sqrt(8 * alpha * beta / total) / off
    found = first + 0.5 * below * (third + jnp.where(x < mean, power, -power))
    found = stirling * -x / jnp.sqrt(2 * alpha * beta / total) * found
    return jnp.where(jnp.abs(x - mean) <= 0.1 * deviation, at_the_mean, found)


def _stirling(x):
    return 1 + 1 / (12 * x) + 1 / (288 * x * x)


# [numerator, denominator][power of u][power of a][power of b]
_FIT = np.array([
    [[[1.003668233, -0.01061107488, -0.0657888334, 0.01201642863],
      [0.6336835991, -0.3557432599, 0.05486251648, -0.001465281033],
      [-0.03276231906, 0.004474107445, 0.002429354597, -0.0001557569013]],
     [[0.221950385, -0.3187676331, 0.01799915743, 0.01074823814],
      [-0.2951249643, 0.06219954479, 0.01535556598, 0.001550077057],
      [0.02155310298, 0.004170831599, 0.001292462449, 6.976601077e-05]],
     [[-0.05980841433, 0.008441916499, 0.01085618172, 0.002319392565],
      [0.02911413504, 0.01400243777, -0.002721828457, 0.000751041181],
      [0.005900514878, -0.001936558688, -9.495446725e-06, 5.385558597e-05]]],
    [[[1, -0.02924021934, -0.04438342661, 0.007285809825],
      [0.6357567472, -0.3473456711, 0.05454656494, -0.002407477521],
      [-0.03301322327, 0.004845219414, 0.00231480583, -0.0002307248149]],
     [[0.5925320577, -0.1757678135, 0.01505928619, 0.000564515273],
      [0.1014815858, -0.06589186703, 0.01272886114, -0.0007316646956],
      [-0.007258481865, 0.001096195486, 0.0003934994223, -4.12701925e-05]],
     [[0.06469649321, -0.0236701437, 0.002902096474, -5.896963079e-05],
      [0.001925008108, -0.002869809258, 0.0008000589141, -6.063713228e-05],
      [-0.0003477407336, 6.959756487e-05, 1.097287507e-05, -1.650964693e-06]]],
])  # fmt: skip


def _fitted(x, alpha, total):
    u = jnp.log(x)
    a = jnp.log(alpha) - u
    b = jnp.log(total) - a
    powers = [jnp.stack([v**i for i in range(n)], -1) for v, n in ((u, 3), (a, 3), (b, 4))]
    p, q = (jnp.einsum("...i,...j,...k,ijk->...", *powers, c.astype(x.dtype)) for c in _FIT)
    return p / q * x * (lax.digamma(total) - lax.digamma(alpha)) / (total - alpha)
