"""Draws by rejection, PyTorch's words for word: how many an element takes depends on the words.

So these go one element at a time; each leaves the generator where PyTorch would leave it. Where
PyTorch computes in float32 (what depends on the parameters alone) so do these.
"""

from __future__ import annotations

import math

import numpy as np

from jaxtorch import dtypes
from jaxtorch.draws import _float_only, _unit_doubles, uniform
from jaxtorch.dtypes import HALF_TYPES


class _Stream:
    """Uniforms and normals one by one, drawn ahead in blocks; what was not used is given back."""

    def __init__(self, gen):
        self.gen, self.used, self.ready = gen, 0, iter(())

    def __enter__(self):
        self.gen.lock.acquire()
        self.start = self.gen.snapshot()
        return self

    def __exit__(self, *_):
        self.gen.rewind(self.start)
        self.gen.skip(2 * self.used)
        self.gen.lock.release()

    def uniform(self) -> float:
        for u in self.ready:
            self.used += 1
            return u
        self.ready = iter(_unit_doubles(self.gen, 4096).tolist())
        return self.uniform()

    def normal(self) -> float:
        """Two from each pair of uniforms; an odd one out is kept by the generator."""
        spare = self.gen.spare_normal
        if spare is not None:
            self.gen.spare_normal = None
            return spare
        turn, u = self.uniform(), self.uniform()
        radius, angle = math.sqrt(-2 * math.log1p(-u)), 2 * math.pi * turn
        self.gen.spare_normal = radius * math.sin(angle)
        return radius * math.cos(angle)


def _no_halves(dtype, name: str) -> None:
    if not dtype.is_floating_point or dtype in HALF_TYPES:
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtype.legacy}'")


def poisson(gen, rate: np.ndarray) -> np.ndarray:
    """Poisson with each element's own rate, in the dtype of ``rate``."""
    rate = np.asarray(rate)
    _float_only(dtypes.from_numpy_dtype(rate.dtype), "poisson_cpu")
    if not (rate >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    with _Stream(gen) as stream:
        counts = [_poisson(stream.uniform, r) for r in rate.astype(np.float64).ravel().tolist()]
    return np.array(counts, np.float64).astype(rate.dtype).reshape(rate.shape)


def _poisson(uniform, rate: float) -> int:
    if rate == 0:
        return 0
    if rate < 10:  # Knuth: how many uniforms until their product falls below exp(-rate)
        floor, product, count = math.exp(-rate), uniform(), 0
        while product > floor:
            count += 1
            product *= uniform()
        return count
    # Hormann (1993), transformed rejection with squeeze: PTRS.
    log_rate = math.log(rate)
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    squeeze = 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43) if us else -1
        if us >= 0.07 and v <= squeeze:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        accepted = math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if accepted <= -rate + k * log_rate - math.lgamma(k + 1):
            return k


def standard_gamma(gen, alpha: np.ndarray) -> np.ndarray:
    """Gamma with each element's own shape parameter and rate 1, in the dtype of ``alpha``."""
    alpha = np.asarray(alpha)
    _no_halves(dtypes.from_numpy_dtype(alpha.dtype), "gamma_cpu")
    return np.fmax(np.finfo(alpha.dtype).tiny, _gammas(gen, alpha))


def _gammas(gen, alpha: np.ndarray) -> np.ndarray:
    """Marsaglia and Tsang (2000); below 1 a draw of alpha + 1, made smaller."""
    number = alpha.dtype.type
    with np.errstate(all="ignore"):
        boosted = alpha < 1
        d = np.where(boosted, alpha + number(1), alpha) - number(np.float32(1) / np.float32(3))
        c = 1 / np.sqrt(9 * d.astype(np.float64))
        power = np.where(boosted, 1 / alpha, 0)
    columns = (alpha == 0, power, d, c)
    with _Stream(gen) as stream:
        rows = zip(*[x.ravel().tolist() for x in columns], strict=True)
        drawn = [0.0 if zero else _gamma(stream, *row) for zero, *row in rows]
    return np.array(drawn, np.float64).astype(alpha.dtype).reshape(alpha.shape)


_SQUEEZE = float(np.float32(0.0331))


def _gamma(stream: _Stream, power: float, d: float, c: float) -> float:
    scale = (1 - stream.uniform()) ** power if power else 1.0
    while True:
        y = 0.0
        while y <= 0:
            x = stream.normal()
            y = 1 + c * x
        v = y * y * y
        u = 1 - stream.uniform()
        xx = x * x
        # (what a bad parameter makes NaN is accepted at the first comparison, as in PyTorch)
        if u < 1 - _SQUEEZE * xx * xx or math.log(u) < 0.5 * xx + d * (1 - v + math.log(v)):
            return scale * d * v


def dirichlet(gen, alpha: np.ndarray) -> np.ndarray:
    """Rows that sum to 1, with the last dimension's concentrations, in the dtype of ``alpha``."""
    alpha = np.asarray(alpha)
    _no_halves(dtypes.from_numpy_dtype(alpha.dtype), "dirichlet")
    drawn = standard_gamma(gen, alpha.astype(np.float64))
    shares = (drawn / drawn.sum(-1, keepdims=True)).astype(alpha.dtype)
    one = alpha.dtype.type(1)
    return np.clip(shares, np.finfo(alpha.dtype).tiny, np.nextafter(one, 0 * one))


def binomial(gen, count: np.ndarray, prob: np.ndarray) -> np.ndarray:
    """Successes among ``count`` trials of probability ``prob``, in the dtype they share."""
    count, prob = np.asarray(count), np.asarray(prob)
    _no_halves(dtypes.from_numpy_dtype(count.dtype), "binomial_cpu")
    prob = np.broadcast_to(prob, count.shape)
    number = count.dtype.type
    with np.errstate(all="ignore"):
        rare = np.where(prob > 0.5, number(1) - prob, prob)  # successes or failures
        columns = (count, rare, count * rare, np.sqrt(count * rare * (1 - rare)),
                   rare / (1 - rare), np.log1p(-rare))  # fmt: skip
    with _Stream(gen) as stream:
        rows = zip(*[x.ravel().tolist() for x in columns], strict=True)
        drawn = [_binomial(stream.uniform, *row) for row in rows]
    drawn = np.array(drawn, np.float64).astype(count.dtype).reshape(count.shape)
    drawn = np.where(prob > 0.5, count - drawn, drawn)
    drawn = np.where(prob != prob, number(np.nan), drawn)
    # nothing was drawn for these
    return np.where((count <= 0) | (prob <= 0), number(0), np.where(prob >= 1, count, drawn))


def _binomial(uniform, count, rare, mean, deviation, odds, log_failure) -> float:
    if not (count > 0 and rare > 0):
        return 0
    if mean >= 10:
        return _many_successes(uniform, count, rare, mean, deviation, odds)
    trials, successes = 0.0, 0  # the gaps between successes are geometric
    while True:
        u = uniform()
        trials += math.ceil(math.log(u) / log_failure) if u else math.inf
        if trials > count:
            return successes
        successes += 1


def _many_successes(uniform, count, rare, mean, deviation, odds) -> float:
    """Hormann (1993), transformed rejection with squeeze: BTRS."""
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * rare
    squeeze = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * deviation
    mode = math.floor((count + 1) * rare)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + (mean + 0.5)) if us else -1
        if k < 0 or k > count:
            continue
        if us >= 0.07 and v <= squeeze:
            return k
        bound = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (count - mode + 1)))
            + (count + 1) * math.log((count - mode + 1) / (count - k + 1))
            + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
            + _stirling_tail(mode) + _stirling_tail(count - mode)
            - _stirling_tail(k) - _stirling_tail(count - k)
        )  # fmt: skip
        if (math.log(v * alpha / (a / (us * us) + b)) if v else -math.inf) <= bound:
            return k


# log(k!) minus Stirling's formula for it
_STIRLING_TAIL = (
    0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509,
    0.0166446911898211, 0.0138761288230707, 0.0118967099458917, 0.0104112652619720,
    0.00925546218271273, 0.00833056343336287,
)  # fmt: skip


def _stirling_tail(k: float) -> float:
    if k < len(_STIRLING_TAIL):
        return _STIRLING_TAIL[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


def von_mises(gen, loc: np.ndarray, concentration: np.ndarray) -> np.ndarray:
    """Angles around ``loc``, of its dtype: Best and Fisher (1979), until all are accepted.

    Each round draws three uniforms for every element, the accepted ones included.
    """
    kappa, like = concentration.astype(np.float64), np.asarray(loc)
    ratio = von_mises_ratio(np, kappa)
    drawn, done = np.zeros(like.shape), np.zeros(like.shape, bool)
    while not done.all():
        u = uniform(gen, (3, *like.shape), dtypes.float64)
        angle, accepted = von_mises_proposal(np, u, kappa, ratio)
        drawn = np.where(accepted, angle, drawn)
        done |= accepted
    turned = (drawn + math.pi + like.astype(np.float64)) % (2 * math.pi) - math.pi
    return turned.astype(like.dtype)


def von_mises_ratio(np, kappa):
    """The parameter of the wrapped Cauchy distribution that is proposed from."""
    tau = 1 + np.sqrt(1 + 4 * kappa**2)
    rho = (tau - np.sqrt(2 * tau)) / (2 * kappa)
    return np.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))


def von_mises_proposal(np, u, kappa, ratio):
    """(an angle, whether it is accepted), of three uniforms; ``np`` is NumPy or jax.numpy."""
    z = np.cos(math.pi * u[0])
    f = (1 + ratio * z) / (ratio + z)
    c = kappa * (ratio - f)
    accepted = (c * (2 - c) - u[1] > 0) | (np.log(c / u[1]) + 1 - c >= 0)
    return np.sign(u[2] - 0.5) * np.arccos(f), accepted
