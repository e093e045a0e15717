"""``torch.special``: a window on ``ops/special.py``."""

from jaxtorch.ops.activation import log_softmax, softmax
from jaxtorch.ops.special import (
    chebyshev_polynomial_t, chebyshev_polynomial_u, digamma, entr, erf, erfc, erfcx, erfinv, exp2,
    expit, expm1, gammainc, gammaincc, gammaln, hermite_polynomial_h, hermite_polynomial_he, i0, i0e,
    i1, i1e, laguerre_polynomial_l, legendre_polynomial_p, log1p, log_ndtr, logit, logsumexp,
    multigammaln, ndtr, ndtri, polygamma, psi, round, sinc, xlog1py, xlogy, zeta,
)  # fmt: skip

__all__ = [
    "chebyshev_polynomial_t", "chebyshev_polynomial_u", "digamma", "entr", "erf", "erfc", "erfcx",
    "erfinv", "exp2", "expit", "expm1", "gammainc", "gammaincc", "gammaln", "hermite_polynomial_h",
    "hermite_polynomial_he", "i0", "i0e", "i1", "i1e", "laguerre_polynomial_l",
    "legendre_polynomial_p", "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp",
    "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc", "softmax", "xlog1py",
    "xlogy", "zeta",
]  # fmt: skip
