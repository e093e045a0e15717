"""Matrix products group by group, with as many rows for each as there are (mixtures of experts)."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jaxtorch.ops._op import Array, op
from jaxtorch.ops._promote import dtype_of


def _check(a, b, offs) -> None:
    for name, x in (("mat_a", a), ("mat_b", b)):
        if x.ndim not in (2, 3):
            raise RuntimeError(f"{name} has to be 2 or 3d")
        if x.dtype not in (jnp.float32, jnp.bfloat16, jnp.float16):
            raise RuntimeError(
                f"Expected {name} to be Float32, BFloat16 or Float16 matrix, got "
                f"{dtype_of(x).legacy}"
            )
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError("contraction dimension of mat_a and mat_b must match")
    if (offs is None) != (a.ndim == b.ndim == 3):
        raise RuntimeError(
            "Have to provide offsets if there is a 2d matrix, or no offset if both matrices are 3d"
        )
    if offs is None:
        if a.shape[0] != b.shape[0]:
            raise RuntimeError("batched dimension has to match")
        return
    if offs.dtype != jnp.int32:
        raise RuntimeError("Offsets have to be int32")
    groups = [x.shape[0] for x in (a, b) if x.ndim == 3]
    if groups and groups[0] != offs.shape[0]:
        raise RuntimeError("matrix batch sizes have to match")


@op(name="GroupedMmBackward0")
def _grouped_mm(mat_a: Array, mat_b: Array, offs: Array | None):
    _check(mat_a, mat_b, offs)
    if offs is None:
        return jnp.einsum("gmk,gkn->gmn", mat_a, mat_b)
    starts = jnp.concatenate([jnp.zeros_like(offs[:1]), offs[:-1]])
    sizes = offs - starts
    if mat_b.ndim == 3:
        return lax.ragged_dot(mat_a, mat_b, sizes)
    if mat_a.ndim == 3:
        return lax.ragged_dot(mat_b.T, jnp.swapaxes(mat_a, 1, 2), sizes).T
    place = jnp.arange(mat_b.shape[0], dtype=offs.dtype)[None]
    inside = (place >= starts[:, None]) & (place < offs[:, None])
    return jnp.einsum("mk,gk,kn->gmn", mat_a, inside.astype(mat_a.dtype), mat_b)


def grouped_mm(mat_a, mat_b, *, offs=None, bias=None, out_dtype=None):
    """``mat_a @ mat_b`` for each group; ``offs`` (G,), int32, has where each group ends.

    (M, K) by (G, K, N) to (M, N), rows in groups; (G, M, K) by (K, N) to (M, N), columns in groups;
    (M, K) by (K, N) to (G, M, N), the sums in groups; (G, M, K) by (G, K, N) to (G, M, N) without
    ``offs``. What lies beyond the last group is zero.
    """
    if bias is not None:
        raise RuntimeError("Bias not supported yet")
    if out_dtype is not None and out_dtype is not mat_a.dtype:
        raise RuntimeError("Grouped gemm output dtype must match `mat_a` dtype")
    return _grouped_mm(mat_a, mat_b, offs)
