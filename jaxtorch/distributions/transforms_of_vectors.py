"""Transforms to vectors of probabilities and to matrices."""

from __future__ import annotations

import math

from jaxtorch.distributions import constraints
from jaxtorch.distributions.transform import Alike, Transform
from jaxtorch.distributions.triangles import tril_matrix_to_vec, vec_to_tril_matrix
from jaxtorch.dtypes import finfo
from jaxtorch.linalg import cholesky
from jaxtorch.ops.activation import logsigmoid, softplus
from jaxtorch.ops.creation import arange, eye
from jaxtorch.ops.padding import pad


def clipped_sigmoid(x):
    """A sigmoid that does not reach 0 or 1."""
    limits = finfo(x.dtype)
    return x.sigmoid().clamp(min=limits.tiny, max=1 - limits.eps)


def _at_least(shape, dims: int):
    if len(shape) < dims:
        raise ValueError("Too few dimensions on input")
    return shape


class SoftmaxTransform(Alike):
    """y = exp(x) / sum(exp(x)): no bijection, for a constant added to x changes nothing."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x):
        grown = (x - x.max(-1, True)[0]).exp()
        return grown / grown.sum(-1, True)

    def _inverse(self, y):
        return y.log()

    def forward_shape(self, shape):
        return _at_least(shape, 1)

    inverse_shape = forward_shape


class StickBreakingTransform(Alike):
    """From n numbers to n + 1 probabilities: each takes its share of what is left of a stick."""

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _centred(self, x):
        """Numbers whose sigmoids are the shares; zeros in x make the pieces equal."""
        return x - self._left(x).log()

    @staticmethod
    def _left(x):
        """How many pieces are still to come: n, ..., 1."""
        return arange(x.shape[-1], 0, -1, dtype=x.dtype, device=x.device)

    def _call(self, x):
        share = clipped_sigmoid(self._centred(x))
        return pad(share, [0, 1], value=1) * pad((1 - share).cumprod(-1), [1, 0], value=1)

    def _inverse(self, y):
        y = y[..., :-1]
        rest = (1 - y.cumsum(-1)).clamp(min=finfo(y.dtype).tiny)
        return y.log() - rest.log() + self._left(y).log()

    def log_abs_det_jacobian(self, x, y):
        x = self._centred(x)
        # 1 - sigmoid(x) = exp(-x) sigmoid(x)
        return (-x + logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape):
        return _at_least(shape, 1)[:-1] + (shape[-1] + 1,)

    def inverse_shape(self, shape):
        return _at_least(shape, 1)[:-1] + (shape[-1] - 1,)


class CorrCholeskyTransform(Transform):
    """From D (D - 1) / 2 numbers to the Cholesky factor of a D by D correlation matrix.

    Each row of the factor is a broken stick of signed squares (Stan reference manual, "Cholesky
    factors of correlation matrices").
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x):
        eps = finfo(x.dtype).eps
        r = vec_to_tril_matrix(x.tanh().clamp(min=eps - 1, max=1 - eps), diag=-1)
        left = (1 - r**2).sqrt().cumprod(-1)
        r = r + eye(r.shape[-1], dtype=r.dtype, device=r.device)
        return r * pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y):
        left = pad((1 - (y * y).cumsum(-1))[..., :-1], [1, 0], value=1)
        t = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (t.log1p() - t.neg().log1p()) / 2  # atanh

    def log_abs_det_jacobian(self, x, y):
        # of the entries below the diagonal: what is left of a row's stick is read two below it
        left = tril_matrix_to_vec(1 - (y * y).cumsum(-1), diag=-2)
        of_tanh = -2 * (x + softplus(-2 * x) - math.log(2)).sum(-1)
        return 0.5 * left.log().sum(-1) + of_tanh

    def forward_shape(self, shape):
        n = _at_least(shape, 1)[-1]
        d = round((0.25 + 2 * n) ** 0.5 + 0.5)
        if d * (d - 1) // 2 != n:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return shape[:-1] + (d, d)

    def inverse_shape(self, shape):
        if _at_least(shape, 2)[-2] != shape[-1]:
            raise ValueError("Input is not square")
        d = shape[-1]
        return shape[:-2] + (d * (d - 1) // 2,)


class LowerCholeskyTransform(Alike):
    """From any matrix to a lower triangle with the exponentials of its diagonal."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x):
        return x.tril(-1) + x.diagonal(0, -2, -1).exp().diag_embed()

    def _inverse(self, y):
        return y.tril(-1) + y.diagonal(0, -2, -1).log().diag_embed()


class PositiveDefiniteTransform(Alike):
    """From any matrix to L @ L.T, L as ``LowerCholeskyTransform`` makes it."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x):
        x = LowerCholeskyTransform()(x)
        return x @ x.mT

    def _inverse(self, y):
        return LowerCholeskyTransform().inv(cholesky(y))
