"""``torch.linalg``: a window on ``ops/linalg/``."""

from jaxtorch.ops.blas import matmul
from jaxtorch.ops.linalg.checks import LinAlgError
from jaxtorch.ops.linalg.factorizations import (
    cholesky,
    cholesky_ex,
    householder_product,
    ldl_factor,
    ldl_factor_ex,
    lu,
    lu_factor,
    lu_factor_ex,
    qr,
)
from jaxtorch.ops.linalg.inverses import cond, det, inv, inv_ex, matrix_rank, pinv, slogdet
from jaxtorch.ops.linalg.norms import matrix_norm, norm, vector_norm
from jaxtorch.ops.linalg.products import (
    cross,
    diagonal,
    matrix_exp,
    matrix_power,
    multi_dot,
    tensorinv,
    tensorsolve,
    vander,
    vecdot,
)
from jaxtorch.ops.linalg.solvers import (
    ldl_solve,
    lstsq,
    lu_solve,
    solve,
    solve_ex,
    solve_triangular,
)
from jaxtorch.ops.linalg.spectra import eig, eigh, eigvals, eigvalsh, svd, svdvals

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh",
    "eigvals", "eigvalsh", "householder_product", "inv", "inv_ex", "ldl_factor", "ldl_factor_ex",
    "ldl_solve", "lstsq", "lu", "lu_factor", "lu_factor_ex", "lu_solve", "matmul", "matrix_exp",
    "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet",
    "solve", "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve",
    "vander", "vecdot", "vector_norm",
]  # fmt: skip
