"""The multivariate normal distribution."""

from __future__ import annotations

import math

from jaxtorch.distributions import constraints
from jaxtorch.distributions.distribution import Distribution
from jaxtorch.distributions.noise import normal_noise
from jaxtorch.distributions.parameters import lazy_property
from jaxtorch.linalg import cholesky, solve_triangular
from jaxtorch.ops.creation import eye
from jaxtorch.ops.linalg.solvers import cholesky_inverse
from jaxtorch.ops.views import broadcast_shapes
from jaxtorch.size import Size

__all__ = ["MultivariateNormal"]


def times_vectors(matrices, vectors):
    """(..., m, n) by (..., n): (..., m)."""
    return (matrices @ vectors.unsqueeze(-1)).squeeze(-1)


def mahalanobis(lower, x):
    """The square of the length of ``lower**-1 @ x``, for vectors (..., n): (...)."""
    return solve_triangular(lower, x.unsqueeze(-1), upper=False).pow(2).sum((-2, -1))


def square_sum(matrix):
    """The trace of matrix @ matrix.T."""
    return matrix.pow(2).sum((-2, -1))


def log_diagonal(lower):
    """The sum of the logarithms of the diagonal: half the log determinant of lower @ lower.T."""
    return lower.diagonal(0, -2, -1).log().sum(-1)


def precision_to_scale_tril(precision):
    """The Cholesky factor of the inverse, from that of the matrix counted from its last corner."""
    flipped = cholesky(precision.flip((-2, -1))).flip((-2, -1)).mT
    identity = eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
    return solve_triangular(flipped, identity, upper=False)


MATRICES = ("covariance_matrix", "precision_matrix", "scale_tril")


def factor_of(name: str, matrix):
    """The Cholesky factor of the covariance, of the one of ``MATRICES`` that is given."""
    if name == "scale_tril":
        return matrix
    return cholesky(matrix) if name == "covariance_matrix" else precision_to_scale_tril(matrix)


class OfCovariance(Distribution):
    """A distribution with a covariance matrix, given as one of ``MATRICES``; the others follow."""

    @lazy_property
    def scale_tril(self):
        return self._of_matrices(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self):
        return self._of_matrices(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self):
        return self._of_matrices(cholesky_inverse(self._unbroadcasted_scale_tril))

    def _of_matrices(self, matrix):
        return matrix.expand(self._batch_shape + matrix.shape[-2:])


class Gaussian(Distribution):
    """A normal distribution of vectors, whatever its covariance is made of."""

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        constant = self._event_shape[0] * math.log(2 * math.pi)
        return -0.5 * (constant + self._log_determinant() + self._mahalanobis(value - self.loc))

    def entropy(self):
        constant = self._event_shape[0] * (1 + math.log(2 * math.pi))
        return (0.5 * (constant + self._log_determinant())).expand(self._batch_shape)


class MultivariateNormal(Gaussian, OfCovariance):
    """Normal vectors with mean ``loc`` and one of covariance, precision (its inverse) and
    ``scale_tril`` (its Cholesky factor, with which it computes)."""

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None,
        validate_args: bool | None = None,
    ):  # fmt: skip
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = zip(MATRICES, (covariance_matrix, precision_matrix, scale_tril), strict=True)
        given = [(name, matrix) for name, matrix in matrices if matrix is not None]
        if len(given) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        ((name, matrix),) = given
        if matrix.dim() < 2:
            what = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(
                f"{what} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand(batch + (-1, -1)))
        self.loc = loc.expand(batch + (-1,))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = factor_of(name, matrix)

    @property
    def variance(self):
        found = self._unbroadcasted_scale_tril.pow(2).sum(-1)
        return found.expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        noise = normal_noise(self._extended_shape(sample_shape), self.loc)
        return self.loc + times_vectors(self._unbroadcasted_scale_tril, noise)

    def _log_determinant(self):
        """Of the covariance."""
        return 2 * log_diagonal(self._unbroadcasted_scale_tril)

    def _mahalanobis(self, x):
        """x @ precision @ x."""
        return mahalanobis(self._unbroadcasted_scale_tril, x)

    def _factors(self):
        """Matrices whose squares F @ F.T sum to the covariance."""
        return [self._unbroadcasted_scale_tril]

    def _trace(self, factor):
        """The trace of precision @ factor @ factor.T."""
        return square_sum(solve_triangular(self._unbroadcasted_scale_tril, factor, upper=False))
