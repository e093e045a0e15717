"""The LKJ distribution of Cholesky factors of correlation matrices."""

from __future__ import annotations

import math

from jaxtorch.autograd import no_grad
from jaxtorch.distributions import constraints
from jaxtorch.distributions.beta import Beta
from jaxtorch.distributions.distribution import Distribution
from jaxtorch.distributions.noise import normal_noise
from jaxtorch.distributions.parameters import broadcast_all, lazy_property
from jaxtorch.dtypes import finfo
from jaxtorch.ops.creation import arange
from jaxtorch.ops.shaping import cat
from jaxtorch.ops.special import multigammaln
from jaxtorch.size import Size

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors (dim, dim) of correlation matrices with a density proportional to
    det**(concentration - 1) (Lewandowski, Kurowicka and Joe 2009)."""

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration=1.0, validate_args: bool | None = None):
        if dim < 2:
            raise ValueError(
                f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}."
            )
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.size(), (dim, dim), validate_args=validate_args)

    @lazy_property
    def _beta(self):
        """Of the square of the distance of each row from its diagonal entry."""
        like = self.concentration
        offset = arange(self.dim - 1, dtype=like.dtype, device=like.device)
        offset = cat([offset.new_zeros((1,)), offset])
        marginal = like + 0.5 * (self.dim - 2)
        return Beta(offset + 0.5, marginal.unsqueeze(-1) - 0.5 * offset)

    def sample(self, sample_shape=Size()):  # noqa: B008
        """By the onion method, all rows at once: a radius and a direction each."""
        with no_grad():
            square = self._beta.sample(sample_shape).unsqueeze(-1)
            direction = normal_noise(self._extended_shape(sample_shape), square).tril(-1)
            direction = direction / direction.norm(dim=-1, keepdim=True)
            rows = square.sqrt() * direction.nan_to_num(0.0)  # the first row has none
            left = (1 - (rows**2).sum(-1)).clamp(min=finfo(rows.dtype).tiny).sqrt()
            return rows + left.diag_embed()

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        # a diagonal entry's power: twice the determinant's, and the Jacobian's (Stan functions
        # reference, "Cholesky LKJ correlation distribution")
        diagonal = value.diagonal(0, -2, -1)[..., 1:]
        order = arange(2, self.dim + 1, device=self.concentration.device)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        m = self.dim - 1
        alpha = self.concentration + 0.5 * m
        constant = 0.5 * m * math.log(math.pi) + multigammaln(alpha - 0.5, m) - alpha.lgamma() * m
        return (order * diagonal.log()).sum(-1) - constant
