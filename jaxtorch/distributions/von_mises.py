"""The von Mises distribution of angles."""

from __future__ import annotations

import functools
import math

from jaxtorch.autograd import no_grad
from jaxtorch.distributions import constraints
from jaxtorch.distributions.distribution import Distribution
from jaxtorch.distributions.parameters import lazy_property
from jaxtorch.ops.arithmetic import where
from jaxtorch.ops.sampling import _von_mises
from jaxtorch.size import Size

__all__ = ["VonMises"]

# Abramowitz and Stegun 9.8.1 to 9.8.4: the modified Bessel functions of orders 0 and 1, in
# (x / 3.75)**2 up to 3.75, in 3.75 / x beyond.
_SMALL = (
    (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.360768e-1, 0.45813e-2),
    (0.5, 0.87890594, 0.51498869, 0.15084934, 0.2658733e-1, 0.301532e-2, 0.32411e-3),
)
_LARGE = (
    (0.39894228, 0.1328592e-1, 0.225319e-2, -0.157565e-2, 0.916281e-2, -0.2057706e-1,
     0.2635537e-1, -0.1647633e-1, 0.392377e-2),
    (0.39894228, -0.3988024e-1, -0.362018e-2, 0.163801e-2, -0.1031555e-1, 0.2282967e-1,
     -0.2895312e-1, 0.1787654e-1, -0.420059e-2),
)  # fmt: skip


def _polynomial(coefficients, x):
    return functools.reduce(lambda total, c: c + x * total, reversed(coefficients))


def log_bessel(x, order: int):
    """The logarithm of the modified Bessel function of order 0 or 1, to 7 digits."""
    small = _polynomial(_SMALL[order], (x / 3.75) ** 2)
    small = (x.abs() * small if order else small).log()
    large = x - 0.5 * x.log() + _polynomial(_LARGE[order], 3.75 / x).log()
    return where(x < 3.75, small, large)


class VonMises(Distribution):
    """Angles around ``loc``, nearly normal with variance 1 / ``concentration`` where that is
    large."""

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real

    def __init__(self, loc, concentration, validate_args: bool | None = None):
        self._given(validate_args, loc=loc, concentration=concentration)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    @lazy_property
    def variance(self):
        """The circular variance: 1 minus the length of the mean direction."""
        k = self.concentration
        return 1 - (log_bessel(k, 1) - log_bessel(k, 0)).exp()

    def sample(self, sample_shape=Size()):  # noqa: B008
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return _von_mises(self.loc.expand(shape), self.concentration.expand(shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        cosine = self.concentration * (value - self.loc).cos()
        return cosine - math.log(2 * math.pi) - log_bessel(self.concentration, 0)
