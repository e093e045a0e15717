"""The Wishart distribution."""

from __future__ import annotations

import math
import warnings

import numpy as np

from jaxtorch.distributions import constraints
from jaxtorch.distributions.chi2 import Chi2
from jaxtorch.distributions.distribution import holds
from jaxtorch.distributions.exp_family import ExponentialFamily
from jaxtorch.distributions.multivariate_normal import (
    MATRICES,
    OfCovariance,
    factor_of,
    log_diagonal,
)
from jaxtorch.distributions.noise import normal_noise
from jaxtorch.distributions.parameters import NUMBERS, lazy_property
from jaxtorch.dtypes import finfo
from jaxtorch.linalg import slogdet
from jaxtorch.ops.creation import arange
from jaxtorch.ops.data import tensor
from jaxtorch.ops.linalg.solvers import cholesky_solve
from jaxtorch.ops.sampling import is_staged
from jaxtorch.ops.special import multigammaln
from jaxtorch.ops.views import broadcast_shapes
from jaxtorch.size import Size

__all__ = ["Wishart"]

_TRIES = 10


class Wishart(OfCovariance, ExponentialFamily):
    """The sum of ``df`` squares x @ x.T of normal vectors with the given covariance (or precision,
    or Cholesky factor)."""

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self, df, covariance_matrix=None, precision_matrix=None, scale_tril=None,
        validate_args: bool | None = None,
    ):  # fmt: skip
        matrices = zip(MATRICES, (covariance_matrix, precision_matrix, scale_tril), strict=True)
        given = [(name, matrix) for name, matrix in matrices if matrix is not None]
        if len(given) != 1:
            raise AssertionError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        ((name, matrix),) = given
        if matrix.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        batch, event = matrix.shape[:-2], matrix.shape[-2:]
        if isinstance(df, NUMBERS):
            self.df = tensor(df, dtype=matrix.dtype, device=matrix.device)
        else:
            batch = broadcast_shapes(batch, df.shape)
            self.df = df.expand(batch)
        if not holds(self.df > event[-1] - 1):
            raise ValueError(
                f"Value of df={df} expected to be greater than ndim - 1 = {event[-1] - 1}."
            )
        if not holds(self.df >= event[-1]):
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 "
                "< df < ndim.",
                stacklevel=2,
            )
        setattr(self, name, matrix.expand(batch + (-1, -1)))
        super().__init__(batch, event, validate_args=validate_args)
        self._unbroadcasted_scale_tril = factor_of(name, matrix)

    @property
    def arg_constraints(self):
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._event_shape[-1] - 1),
        }

    @lazy_property
    def _chi2(self):
        like = self._unbroadcasted_scale_tril
        fewer = arange(self._event_shape[-1], dtype=like.dtype, device=like.device)
        return Chi2(self.df.expand(self._batch_shape).unsqueeze(-1) - fewer)

    def _times_covariance(self, factor):
        return factor.expand(self._batch_shape)[..., None, None] * self.covariance_matrix

    @property
    def mean(self):
        return self._times_covariance(self.df)

    @property
    def mode(self):
        factor = self.df - self._event_shape[-1] - 1
        return self._times_covariance(factor.masked_fill(factor <= 0, math.nan))

    @property
    def variance(self):
        v = self.covariance_matrix
        diagonal = v.diagonal(0, -2, -1)
        products = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self.df.expand(self._batch_shape)[..., None, None] * (v.pow(2) + products)

    def _bartlett(self, sample_shape):
        """A draw by Bartlett's decomposition: chi on the diagonal, normals below it."""
        p = self._event_shape[-1]
        diagonal = self._chi2.rsample(sample_shape).sqrt()
        diagonal = diagonal.clamp(min=finfo(diagonal.dtype).eps)
        below = normal_noise(Size(sample_shape) + self._batch_shape + (p * (p - 1) // 2,), diagonal)
        rows, columns = np.tril_indices(p, -1)
        places = tensor(rows * p + columns, device=below.device)
        noise = diagonal.new_zeros((*below.shape[:-1], p * p)).index_copy(-1, places, below)
        root = self._unbroadcasted_scale_tril @ (
            noise.unflatten(-1, (p, p)) + diagonal.diag_embed()
        )
        return root @ root.mT

    def rsample(self, sample_shape=Size(), max_try_correction: int | None = None):  # noqa: B008
        """A draw; singular ones are drawn anew up to ``max_try_correction`` times (10).

        PyTorch throws its first draw away, with a warning that it were singular: this gives its
        second, and no warning.
        """
        sample_shape = Size(sample_shape)
        sample = self._bartlett(sample_shape)
        tries = _TRIES if max_try_correction is None else max_try_correction
        if is_staged() or not tries:
            return sample
        count = sample_shape.numel()
        drawn = self._bartlett((count,))
        for _ in range(tries - 1):
            fine = self.support.check(drawn).reshape(count, -1).all(-1)
            if holds(fine):
                break
            again = (~fine).nonzero().squeeze(-1)
            drawn = drawn.index_copy(0, again, self._bartlett((len(again),)))
        return drawn.reshape(sample_shape + drawn.shape[1:])

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        nu, p, root = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        traces = cholesky_solve(value, root).diagonal(0, -2, -1).sum(-1)
        return (
            -nu * (p * math.log(2) / 2 + log_diagonal(root))
            - multigammaln(nu / 2, p)
            + (nu - p - 1) / 2 * slogdet(value).logabsdet
            - traces / 2
        )

    def entropy(self):
        nu, p = self.df, self._event_shape[-1]
        halves = arange(p, dtype=nu.dtype, device=nu.device) / 2
        slope = (nu.unsqueeze(-1) / 2 - halves).digamma().sum(-1)
        spread = p * math.log(2) / 2 + log_diagonal(self._unbroadcasted_scale_tril)
        return (p + 1) * spread + multigammaln(nu / 2, p) - (nu - p - 1) / 2 * slope + nu * p / 2

    @property
    def _natural_params(self):
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x, y):
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        return half * (p * math.log(2) - slogdet(-2 * x).logabsdet) + multigammaln(half, p)
