"""The multivariate normal distribution with a covariance of low rank and a diagonal."""

from __future__ import annotations

from jaxtorch.distributions import constraints
from jaxtorch.distributions.multivariate_normal import (
    Gaussian,
    log_diagonal,
    mahalanobis,
    square_sum,
    times_vectors,
)
from jaxtorch.distributions.noise import normal_noise
from jaxtorch.distributions.parameters import lazy_property
from jaxtorch.linalg import cholesky, solve_triangular
from jaxtorch.ops.creation import eye
from jaxtorch.ops.views import broadcast_tensors
from jaxtorch.size import Size

__all__ = ["LowRankMultivariateNormal"]


def _with_identity(matrix):
    return matrix + eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)


class LowRankMultivariateNormal(Gaussian):
    """Normal vectors with mean ``loc`` (n) and covariance W @ W.T + diag(D), for ``cov_factor`` W
    (n, m) and ``cov_diag`` D (n).

    Inverse and determinant come from the m by m capacitance matrix 1 + W.T @ diag(D)**-1 @ W, by
    Woodbury's identity and the matrix determinant lemma.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc, cov_factor, cov_diag, validate_args: bool | None = None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            loc_, factor, diag_ = broadcast_tensors(
                loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1)
            )
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                f"cov_diag {cov_diag.shape}"
            ) from error
        self.loc, self.cov_factor, self.cov_diag = loc_[..., 0], factor, diag_[..., 0]
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        self._capacitance_tril = cholesky(_with_identity(self._whitened_factor() @ cov_factor))
        super().__init__(self.loc.shape[:-1], event, validate_args=validate_args)

    def _whitened_factor(self):
        """W.T @ diag(D)**-1."""
        return self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2)

    def _expanded(self, x, dims: int):
        return x.expand(self._batch_shape + self._event_shape * dims)

    @lazy_property
    def variance(self):
        found = self._unbroadcasted_cov_factor.pow(2).sum(-1) + self._unbroadcasted_cov_diag
        return self._expanded(found, 1)

    @lazy_property
    def scale_tril(self):
        # D**1/2 @ (1 + D**-1/2 @ W @ W.T @ D**-1/2) @ D**1/2: the inner matrix is well conditioned
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        factor = self._unbroadcasted_cov_factor / root
        return self._expanded(root * cholesky(_with_identity(factor @ factor.mT)), 2)

    @lazy_property
    def covariance_matrix(self):
        factor, diag = self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag
        return self._expanded(factor @ factor.mT + diag.diag_embed(), 2)

    @lazy_property
    def precision_matrix(self):
        inner = solve_triangular(self._capacitance_tril, self._whitened_factor(), upper=False)
        diag = self._unbroadcasted_cov_diag.reciprocal().diag_embed()
        return self._expanded(diag - inner.mT @ inner, 2)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        shape = self._extended_shape(sample_shape)
        of_factor = normal_noise(shape[:-1] + self.cov_factor.shape[-1:], self.loc)
        of_diag = normal_noise(shape, self.loc)
        moved = times_vectors(self._unbroadcasted_cov_factor, of_factor)
        return self.loc + moved + self._unbroadcasted_cov_diag.sqrt() * of_diag

    def _log_determinant(self):
        return 2 * log_diagonal(self._capacitance_tril) + self._unbroadcasted_cov_diag.log().sum(-1)

    def _mahalanobis(self, x):
        whole = (x.pow(2) / self._unbroadcasted_cov_diag).sum(-1)
        inner = times_vectors(self._whitened_factor(), x)
        return whole - mahalanobis(self._capacitance_tril, inner)

    def _factors(self):
        return [self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag.sqrt().diag_embed()]

    def _trace(self, factor):
        whole = square_sum(factor * self._unbroadcasted_cov_diag.rsqrt().unsqueeze(-1))
        inner = solve_triangular(self._capacitance_tril, self._whitened_factor(), upper=False)
        return whole - square_sum(inner @ factor)
