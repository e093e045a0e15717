"""PyTorch's operator database: a few samples of every entry that has a counterpart here.

``python -m tests.parity.op_db`` runs all samples; what differs on purpose stands in DIFFERS."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

from tests.parity.op_db import compare, counterpart, title  # noqa: E402

DTYPES = (torch.float32, torch.int64)
SAMPLES = 2
# (entry, aspect) -> why it is not as in torch
DIFFERS: dict[tuple[str, str], str] = {
    (
        "as_strided.partial_views",
        "forward",
    ): "its tensors are parts of others' memory",
    ("as_strided.partial_views", "gradient"): "as above",
    ("as_strided_scatter", "gradient"): "torch's lands on the elements that were overwritten",
    ("__rand__", "errors"): "unbound, it answers two numbers: a check would cost every operator",
    ("__ror__", "errors"): "as above",
    ("__radd__", "errors"): "as above",
    ("__rmul__", "errors"): "as above",
    ("to_sparse", "gradient"): "of some dimensions only, or into blocks: refused (left_out.py)",
    ("sparse.mm.reduce", "forward"): "of CSR tensors, which are left out (left_out.py)",
    ("sparse.mm.reduce", "gradient"): "as above",
    ("masked.logaddexp", "second"): "where one is masked torch's is NaN, here it is 0",
    ("__rxor__", "errors"): "as above",
    ("complex", "forward"): "JAX has no complex numbers of two halves",
    ("__rpow__", "forward"): "of complex64 torch is off by 4.3e-6 of its own complex128, we by "
    "3.2e-6; 1.3e-6 is asked for",
    ("special.hermite_polynomial_he", "forward"): "by cancellation: where torch's float32 is 2e-6 "
    "off its own float64, ours is 7e-6",
    ("nn.functional.embedding_bag", "forward"): "as above",
    ("nn.functional.max_pool1d", "texts"): "its 2d form's words for windows that do not fit",
    ("logsumexp", "out"): "torch leaves NaN or the real part of complex numbers in a float out",
    ("nn.functional.interpolate.bilinear", "forward"): "bytes: torch's weights have 16 bits, and "
    "it rounds after each dimension; up to 1 off",
    ("nn.functional.interpolate.bicubic", "forward"): "as above, up to 2 off",
    ("_upsample_bilinear2d_aa", "forward"): "as above",
    ("std", "out"): "torch refuses bfloat16 into a float32 out, which casts everywhere else",
    ("var", "out"): "as above",
    ("chalf", "forward"): "JAX has no complex numbers of two halves",
    ("addbmm", "inplace"): "torch resizes the tensor that it writes to",
    (
        "cholesky_inverse",
        "second",
    ): "torch's, in the half that is not read, is no derivative of its "
    "first gradient (finite differences); the half that is read agrees",
    ("cholesky_solve", "second"): "as above",
    ("cov", "second"): "with float32 weights and next to no degrees of freedom, by rounding",
    ("fft.ifft", "out"): "torch asks for the result's own dtype of real inputs only; here of all",
    ("fft.ihfft2", "out"): "torch leaves the numbers of an empty out= that it enlarged",
    ("fft.ihfftn", "out"): "as above",
    ("linalg.norm.subgradients_at_zero", "second"): "torch's is NaN, here it is 0 as the first is",
    ("linalg.pinv.hermitian", "gradient"): "of a matrix that is not Hermitian torch mixes the half "
    "that is read with the whole",
    ("matrix_exp", "forward"): "torch's float32 is off by 1.4e-6 of the largest element; computed "
    "in double here",
    ("nn.functional.linear", "out"): "in half types torch rounds before the bias if out= is given",
    ("svd", "forward"): "vectors beyond the rank are any basis of what the others leave",
    ("linalg.svd", "forward"): "as above",
    ("kthvalue", "errors"): "out= may be an input: values are immutable, so nothing is overwritten",
    ("masked_select", "errors"): "out= may be an input, as for kthvalue",
    ("gather", "errors"): "out= may be an input, as for kthvalue",
    ("cat", "errors"): "out= may be an input, as for kthvalue",
    ("take", "errors"): "out= may be an input, as for kthvalue",
}
ENTRIES = [info for info in op_db if counterpart(info) is not None]


@pytest.mark.parametrize("info", ENTRIES, ids=title)
def test_entry(info):
    found, _ = compare(info, SAMPLES, DTYPES)
    wrong = {a: what for a, what in found.items() if (title(info), a) not in DIFFERS}
    assert not wrong
