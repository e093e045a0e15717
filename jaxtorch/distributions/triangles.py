"""Lower triangles of square matrices, as vectors in the order of their rows."""

from __future__ import annotations

import math

import numpy as np

from jaxtorch.ops.data import tensor


def _places(n: int, diag: int, device):
    rows, columns = np.tril_indices(n, diag)
    return tensor(rows * n + columns, device=device)


def tril_matrix_to_vec(mat, diag: int = 0):
    """The entries of (..., n, n) on and below diagonal ``diag``: (..., entries)."""
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat.flatten(-2).index_select(-1, _places(n, diag, mat.device))


def vec_to_tril_matrix(vec, diag: int = 0):
    """The square matrix with ``vec`` on and below diagonal ``diag``, and zeros above."""
    size = vec.shape[-1]
    # the positive root of n**2 + (1 + 2 diag) n - |diag| (diag + 1) - 2 size = 0
    b = 1 + 2 * diag
    n = round((math.sqrt(b * b + 8 * size + 4 * abs(diag) * (diag + 1)) - b) / 2)
    if len(np.tril_indices(n, diag)[0]) != size:
        raise ValueError(
            f"The size of last dimension is {size} which cannot be expressed as the lower "
            "triangular part of a square D x D matrix."
        )
    flat = vec.new_zeros((*vec.shape[:-1], n * n))
    return flat.index_copy(-1, _places(n, diag, vec.device), vec).unflatten(-1, (n, n))
