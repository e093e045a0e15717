"""Linear algebra: torch.linalg, and torch's own spellings."""

from tests import oracle
from tests.oracle import F, I, V, raises, row

inf = float("inf")
S = V([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])  # symmetric, positive-definite
L = V([[2.0, 0.0, 0.0], [1.0, 3.0, 0.0], [0.5, 1.0, 2.0]], grad=False)
A = V([[2.0, 1.0, 0.5], [-1.0, 3.0, 0.2], [0.3, 0.7, 1.5]])
T = F(2, 3, 3)
M = F(4, 3)
CLOSE = {"limits": (5e-5, 1e-5)}
NEAR = {"node": False, **CLOSE}

ROWS = [
    *(row(f"linalg.{name}", A, second=name in ("det", "inv"), **CLOSE) for name in
      "det slogdet inv matrix_exp pinv eigvals matrix_rank svdvals cond".split()),
    *(row(f"linalg.{name}", T, **CLOSE) for name in "det slogdet inv svdvals pinv".split()),
    row("linalg.det", F(3, 3, dtype="float64")),
    row("det", A, **CLOSE),
    row("slogdet", A, **CLOSE),
    row("logdet", S, **NEAR),
    row("inverse", A, **CLOSE),
    row("pinverse", A, **CLOSE),
    row("linalg.pinv", M, **CLOSE),
    row("linalg.inv_ex", A, **CLOSE),
    row("linalg.solve", A, F(3, 2), second=True, **CLOSE),
    row("linalg.solve", A, F(3), **CLOSE),
    row("linalg.solve", T, F(2, 3, 2), **CLOSE),
    row("linalg.solve", A, F(2, 3), left=False, **CLOSE),
    row("linalg.solve_triangular", V([[2.0, 1.0], [0.0, 3.0]]), F(2, 3), upper=True, **CLOSE),
    row("linalg.solve_triangular", V([[2.0, 0.0], [1.0, 3.0]]), F(2, 3), upper=False, **CLOSE),
    row("linalg.cholesky", S, **CLOSE),
    row("linalg.cholesky", S, upper=True, **CLOSE),
    row("linalg.cholesky_ex", S, **CLOSE),
    row("cholesky", S, **CLOSE),
    row("cholesky_solve", F(3, 2), L, **CLOSE),
    row("cholesky_inverse", V([[2.0, 0.0], [1.0, 3.0]]), grad=False, **CLOSE),
    row("linalg.qr", M, **CLOSE),
    row("linalg.qr", M, mode="r", grad=False, **NEAR),
    row("linalg.qr", M, mode="complete", grad=False, **CLOSE),
    row("qr", M, **CLOSE),
    row("linalg.eigvalsh", S, **CLOSE),
    row("linalg.eigvalsh", S, UPLO="U", **CLOSE),
    *(row(f"linalg.{name}", x, **options, grad=False, unsigned=True, **NEAR)
      for name, x, options in (
        ("svd", M, {"full_matrices": False}), ("svd", M, {}), ("eigh", S, {}),
        ("eigh", S, {"UPLO": "U"}), ("eig", V([[2.0, 1.0], [0.0, 5.0]]), {}))),
    row("svd", M, grad=False, unsigned=True, **NEAR),
    row("lu_solve", F(2, 1), V([[2.0, 1.0], [0.5, 3.0]]), V([1, 2], "int32"), **NEAR, grad=False),
    row("linalg.lu_solve", V([[2.0, 1.0], [0.5, 3.0]]), V([1, 2], "int32"), F(2, 1), **NEAR,
        grad=False),
    row("linalg.lu_solve", V([[2.0, 1.0], [0.5, 3.0]]), V([1, 2], "int32"), F(2, 1), adjoint=True,
        **NEAR, grad=False),
    row("linalg.lu_solve", V([[2.0, 1.0], [0.5, 3.0]]), V([1, 2], "int32"), F(3, 2), left=False,
        **NEAR, grad=False),
    row("linalg.pinv", V([[2.0, 9.0], [1.0, 3.0]]), hermitian=True, grad=False, **NEAR),
    row("linalg.det", F(0, 0)),
    row("linalg.lstsq", M, F(4, 2), grad=False, **NEAR),
    row("linalg.lstsq", M, F(4), driver="gelsd", grad=False, **NEAR),
    row("linalg.lu", A, **NEAR),
    row("linalg.lu_factor", A, **CLOSE),
    row("lu", A, **CLOSE),
    row("linalg.matrix_power", A, 3, **NEAR),
    row("linalg.matrix_power", A, 0, grad=False),
    row("linalg.matrix_power", A, -2, **NEAR),
    row("matrix_power", A, 2, node=False),
    row("matrix_exp", A, **CLOSE),
    row("linalg.multi_dot", [F(2, 3), F(3, 4), F(4, 2)], node=False),
    row("linalg.multi_dot", [F(2, 3), F(3, 4)], node=False),
    row("linalg.vecdot", F(2, 3), F(2, 3), node=False),
    row("linalg.vander", F(3), node=False),
    row("vander", F(3), grad=False),
    row("vander", F(3), 2, True, grad=False),
    row("linalg.tensorinv", F(2, 2, 4), **NEAR),
    row("linalg.tensorsolve", F(2, 2, 4), F(2, 2), **NEAR),
    row("linalg.householder_product", F(3, 2), F(2), grad=False, **CLOSE),
    row("triangular_solve", F(2, 3), V([[2.0, 1.0], [0.0, 3.0]]), **NEAR),

    row("linalg.vector_norm", M),
    row("linalg.vector_norm", M, 3, dim=1),
    row("linalg.vector_norm", M, ord=1, dim=0, keepdim=True),
    row("linalg.vector_norm", M, dtype="float64"),
    *(row("linalg.matrix_norm", M, order, **CLOSE)
      for order in ("fro", "nuc", 1, -1, 2, -2, inf, -inf)),
    row("linalg.matrix_norm", T, "fro", dim=(0, 2), keepdim=True),
    row("linalg.norm", M),
    row("linalg.norm", T),
    row("linalg.norm", M, 2, **CLOSE),
    row("linalg.norm", M, "nuc", **CLOSE),
    row("linalg.norm", M, ord=1, dim=0),
    row("linalg.norm", T, ord=1, dim=(0, 2)),
    row("linalg.norm", F(3), 3),

    raises("linalg.inv", M, error=RuntimeError,
           text="linalg.inv: A must be batches of square matrices, but they are 4 by 3 matrices"),
    raises("linalg.inv", F(3), error=RuntimeError,
           text="linalg.inv: The input tensor A must have at least 2 dimensions."),
    raises("linalg.inv", I(2, 2), error=RuntimeError,
           text="linalg.inv: Expected a floating point or complex tensor as input. Got Long"),
    raises("linalg.det", M, error=RuntimeError, text="A must be batches of square matrices"),
    raises("linalg.solve", M, F(4), error=RuntimeError,
           text="A must be batches of square matrices"),
    raises("linalg.qr", M, mode="foo", error=RuntimeError,
           text="qr received unrecognized mode 'foo' but expected one of 'reduced' (default), 'r', "
                "or 'complete'"),
    raises("linalg.matrix_norm", M, 3, error=RuntimeError,
           text="linalg.matrix_norm: Order 3 not supported."),
    raises("linalg.norm", T, 2, error=RuntimeError),
    raises("linalg.vector_norm", I(3), error=RuntimeError, text="Got Long"),
    raises("linalg.multi_dot", [M], error=RuntimeError,
           text="multi_dot(): expected at least 2 tensors but got 1"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
