"""Which ops autocast runs in the lower precision, in float32, or in the widest type given.

PyTorch's own lists (``aten/src/ATen/autocast_mode.cpp``), by the names that the ops have here. They
differ between the CPU and a GPU. An op that is on no list runs in the dtypes it is given.
"""

from __future__ import annotations

import math

from jaxtorch import dtypes

LOWER, FLOAT32, WIDEST, FLOAT32_RESULT, BANNED = (
    "lower", "float32", "widest", "float32 result", "banned",
)  # fmt: skip

_PRODUCTS = """
    conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d bmm mm matmul
    baddbmm addmm addbmm linear vecdot prelu attention einsum multi_dot
""".split()
_LOSSES = """
    bce_with_logits nll_loss mse_loss l1_loss smooth_l1_loss huber_loss poisson_nll_loss kl_div
    hinge_embedding margin_ranking cosine_embedding triplet soft_margin multi_margin
    multilabel_margin cdist
""".split()

_CPU_FLOAT32 = """
    cross_entropy ctc_loss binary_cross_entropy grid_sample grid_sampler polar prod quantile trace
    stft view_as_complex max_unpool fractional_max_pool
    fft fft2 ifft ifft2 fftn ifftn rfft rfft2 irfft irfft2 rfftn irfftn hfft ihfft
    cond inv inv_ex pinv matrix_rank solve lstsq cholesky cholesky_ex cholesky_inverse
    cholesky_solve qr svd svdvals eig eigh eigvals eigvalsh lu_solve householder_product orgqr
    ormqr geqrf tensorinv tensorsolve triangular_solve
""".split()

_GPU_FLOAT32 = """
    acos asin cosh erfinv exp expm1 log log10 log2 log1p reciprocal rsqrt sinh tan pow_number
    number_pow pow_tensor softplus layer_norm rms_norm group_norm cosine pairwise pdist renorm
    logsumexp interpolate
""".split()

CPU = {
    **dict.fromkeys(_PRODUCTS, LOWER),
    **dict.fromkeys("inner tensordot cov corrcoef matrix_power layer rnn_tanh_cell "
                    "rnn_relu_cell lstm_cell gru_cell".split(), LOWER),
    **dict.fromkeys(_LOSSES + _CPU_FLOAT32, FLOAT32),
    **dict.fromkeys("avg_pool max_pool adaptive_avg_pool adaptive_max_pool edge_pad "
                    "local_response_norm fake_quantize".split(), FLOAT32),
    **dict.fromkeys(["cat", "stack", "index_copy"], WIDEST),
}  # fmt: skip
GPU = {
    **dict.fromkeys(_PRODUCTS, LOWER),
    **dict.fromkeys("addmv addr mv lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell layer".split(),
                    LOWER),
    **dict.fromkeys(_LOSSES + _GPU_FLOAT32, FLOAT32),
    **dict.fromkeys("prod softmax log_softmax cumprod cumsum vector_norm matrix_norm sum".split(),
                    FLOAT32_RESULT),
    **dict.fromkeys("addcdiv addcmul atan2 bilinear cross dot vdot grid_sample grid_sampler "
                    "index_put scatter_add inner tensordot".split(), WIDEST),
    "binary_cross_entropy": BANNED,
}  # fmt: skip

# Ops of which a list means only some forms: op -> does it mean this call?


def _spatial(avals, statics) -> bool:
    return statics["ndim"] == 3


def _reflected_or_replicated(avals, statics) -> bool:
    if statics["mode"] == "reflect":
        return len(statics["pad"]) < 6
    return statics["mode"] == "replicate"


def _narrow(count: int):
    """Are the input and the states, the first ``count``, of the lower precision already? (Linear
    layers make up the rest of these: a wider state goes on to be one.)"""
    return lambda avals, statics: all(a.dtype in dtypes.HALF_TYPES for a in avals[:count])


def _contracts(avals, statics) -> bool:
    """Does this einsum end in a matrix product? (Else it multiplies, or takes one dot product.)"""
    operands, _, result = statics["equation"].replace(" ", "").partition("->")
    terms = operands.split(",")
    summed = set("".join(terms)) - set(result) - set(".")
    if "->" not in statics["equation"]:
        summed = {letter for letter in summed if operands.count(letter) > 1}
    kept = (set("".join(terms)) - summed) | ({"."} & set(operands))
    return len(terms) > 1 and bool(kept) and any(operands.count(s) > 1 for s in summed)


def _leaves_something(avals, statics) -> bool:
    """Is more than one number left of either side, so that it is a matrix product?"""
    sides = zip(avals, (statics["first"], statics["second"]), strict=True)
    return any(
        math.prod(n for d, n in enumerate(a.shape) if d not in over and d - a.ndim not in over) > 1
        for a, over in sides
    )


CPU_FORMS = {
    **dict.fromkeys(["avg_pool", "adaptive_avg_pool", "adaptive_max_pool"], _spatial),
    "max_pool": lambda avals, statics: statics["ndim"] == 3 and not statics["return_indices"],
    "edge_pad": _reflected_or_replicated,
    "einsum": _contracts,
    "inner": lambda avals, statics: max(a.ndim for a in avals) > 1 and min(a.ndim for a in avals),
    "tensordot": _leaves_something,
    "matrix_power": lambda avals, statics: abs(statics["n"]) > 1,
    "layer": lambda avals, statics: statics["mode"] != "gru" or _narrow(1)(avals, statics),
    "lstm_cell": _narrow(3),
    "gru_cell": _narrow(2),
}
GPU_FORMS = {"einsum": _contracts}
