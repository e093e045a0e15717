"""``torch.distributions.utils``: a window on what distributions are made of."""

from jaxtorch.distributions.odds import clamp_probs, logits_to_probs, probs_to_logits
from jaxtorch.distributions.parameters import (
    broadcast_all,
    lazy_property,
    sum_rightmost as _sum_rightmost,  # by the name that other libraries import
)
from jaxtorch.distributions.triangles import tril_matrix_to_vec, vec_to_tril_matrix
from jaxtorch.ops.sampling import randn

__all__ = [
    "_standard_normal", "_sum_rightmost", "broadcast_all", "clamp_probs", "euler_constant",
    "lazy_property", "logits_to_probs",
    "probs_to_logits", "tril_matrix_to_vec", "vec_to_tril_matrix",
]  # fmt: skip

euler_constant = 0.57721566490153286060


def _standard_normal(shape, dtype, device):
    """Standard normals, for other libraries' distributions."""
    return randn(shape, dtype=dtype, device=device)
