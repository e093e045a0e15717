"""Special functions."""

from tests import oracle
from tests.oracle import F, V, raises, row

inf, nan = float("inf"), float("nan")
X = F(2, 3)
P = F(2, 3, low=0.3, high=4.0)
U = F(2, 3, low=0.05, high=0.95)
BOTH = V([-40.0, -3.0, -0.2, 0.0, 1e-7, 0.7, 2.05, 4.9, 6.0, 110.0, inf, nan], grad=False)
ABOVE = V([-1.0, 0.0, 1e-3, 1.9, 2.1, 4.9, 6.0, 30.0, nan], grad=False)
ENDS = V([[-1.3], [-1.0], [-0.6], [0.0], [0.3], [1.0], [1.2]], grad=False)
ORDERS = V([-1.0, 0.0, 1.0, 2.0, 3.7, 6.0, 12.0], grad=False)
CLOSE = {"limits": (5e-5, 5e-6)}

ROWS = [
    *(row(f"special.{name}", X, **CLOSE) for name in
      "expit erf erfc exp2 expm1 i0 i0e i1 i1e ndtr log_ndtr erfcx sinc".split()),
    row("special.round", X, node=False),
    *(row(f"special.{name}", P, **CLOSE) for name in
      "digamma psi gammaln entr log1p".split()),
    *(row(f"special.{name}", U, **CLOSE) for name in "logit erfinv ndtri".split()),
    row("special.entr", V([-1.0, 0.0, 1.0, nan]), grad=False),
    row("special.log_ndtr", V([-20.0, -3.0, 0.0, 5.0]), grad=False),
    row("special.erfcx", V([-2.0, 0.0, 3.0, 20.0]), **CLOSE),
    row("special.xlogy", X, F(2, 3, low=0.1, high=2)),
    row("special.xlog1py", X, F(2, 3, low=0.1, high=2)),
    row("special.polygamma", 1, P, **CLOSE),
    row("special.polygamma", 0, P, **CLOSE),
    row("polygamma", 2, P, **CLOSE),
    row("Tensor.polygamma", P, 1, **CLOSE),
    row("special.zeta", F(2, 3, low=1.5, high=3.0), P, grad=False, **CLOSE),
    row("special.gammainc", P, F(2, 3, low=0.2, high=3), grad=False, **CLOSE),
    row("special.gammaincc", P, F(2, 3, low=0.2, high=3), grad=False, **CLOSE),
    row("igamma", P, F(2, 3, low=0.2, high=3), grad=False, **CLOSE),
    row("igammac", P, F(2, 3, low=0.2, high=3), grad=False, **CLOSE),
    row("special.multigammaln", F(2, 3, low=2, high=4), 2, node=False, **CLOSE),
    row("mvlgamma", F(2, 3, low=2, high=4), 2, node=False, **CLOSE),
    row("special.logsumexp", X, 1),
    row("special.softmax", X, 1),
    row("special.log_softmax", X, 1),
    *(row(f"special.{name}", X, n, grad=False, **CLOSE)
      for name in ("chebyshev_polynomial_t", "chebyshev_polynomial_u", "hermite_polynomial_h",
                   "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p")
      for n in (0, 1, 4)),
    *(row("special.polygamma", n, V([-2.3, -0.4, 0.4, 7.0]), second=True, **CLOSE)
      for n in (0, 1, 2)),
    row("special.zeta", V([2.0, 3.0, 3.5]), V([-1.5, 0.2, 30.0]), grad=False, **CLOSE),
    row("special.i1", V([0.0, 0.5, -2.0]), second=True, **CLOSE),
    *(row(f"special.{name}", BOTH, **CLOSE) for name in
      ("airy_ai", "bessel_j0", "bessel_j1", "modified_bessel_i0", "modified_bessel_i1",
       "spherical_bessel_j0")),
    *(row(f"special.{name}", ABOVE, **CLOSE) for name in
      ("bessel_y0", "bessel_y1", "modified_bessel_k0", "modified_bessel_k1",
       "scaled_modified_bessel_k0", "scaled_modified_bessel_k1")),
    *(row(f"special.{name}_polynomial_{kind}", ENDS, ORDERS, **CLOSE)
      for name in ("chebyshev", "shifted_chebyshev") for kind in "tuvw"),
    *(row(f"special.{name}", ENDS, ORDERS, **CLOSE) for name in
      ("hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l",
       "legendre_polynomial_p")),
    raises("special.polygamma", -1, P, error=RuntimeError, text="does not support negative n"),
    raises("special.expit", 1.0, error=TypeError),
    *(raises(f"special.{name}", F(2, dtype="complex64"), error=NotImplementedError,
             text="not implemented for 'ComplexFloat'") for name in ("i0e", "entr", "ndtr")),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
