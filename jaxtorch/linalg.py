"""``torch.linalg``: a window on ``ops/linalg.py``."""

from jaxtorch.ops.linalg import (
    cholesky, cholesky_ex, cond, cross, det, eig, eigh, eigvals, eigvalsh, householder_product, inv,
    inv_ex, lstsq, lu, lu_factor, lu_solve, matrix_exp, matrix_norm, matrix_power, matrix_rank,
    multi_dot, norm, pinv, qr, slogdet, solve, solve_triangular, svd, svdvals, tensorinv,
    tensorsolve, vander, vecdot, vector_norm,
)  # fmt: skip

__all__ = [
    "cholesky", "cholesky_ex", "cond", "cross", "det", "eig", "eigh", "eigvals", "eigvalsh",
    "householder_product", "inv", "inv_ex", "lstsq", "lu", "lu_factor", "lu_solve", "matrix_exp",
    "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet",
    "solve", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot",
    "vector_norm",
]  # fmt: skip
