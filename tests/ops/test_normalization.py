"""Normalisations, linear layers and attention: what has a backward of its own."""

from tests import oracle
from tests.oracle import F, I, raises, row

FN = "nn.functional."
KEPT = {"node": False, "dtypes": "", "limits": (2e-5, 2e-5)}
HEADS = F(2, 3, 5, 4), F(2, 3, 7, 4), F(2, 3, 7, 4)

ROWS = [
    row(FN + "layer_norm", F(2, 3, 4), (4,), F(4), F(4), second=True, **KEPT),
    row(FN + "layer_norm", F(2, 3, 4), (3, 4), **KEPT),
    row(FN + "batch_norm", F(4, 3, 5), None, None, F(3), F(3), True, second=True, **KEPT),
    row(FN + "group_norm", F(2, 6, 5), 3, F(6), F(6), **KEPT),
    row(FN + "group_norm", F(0, 2), 1, F(2), F(2), trace=False, **KEPT),
    row(FN + "group_norm", F(2, 2), 2, trace=False, **KEPT),
    raises(FN + "group_norm", F(1, 2), 2, error=ValueError, text="more than 1 value per channel"),
    row(FN + "instance_norm", F(2, 3, 5), **KEPT),
    row(FN + "rms_norm", F(2, 3, 4), (4,), F(4), **KEPT),
    row(FN + "local_response_norm", F(2, 5, 4), 3, **KEPT),
    row(FN + "local_response_norm", I(0, 5, 4), 3, trace=False, **KEPT),
    row(FN + "normalize", F(3, 4), **KEPT),
    row(FN + "linear", F(2, 3, 4), F(5, 4), F(5), second=True, **KEPT),
    row(FN + "linear", F(4), F(5, 4), F(5), **KEPT),
    row(FN + "linear", F(2, 3, 4), F(4), **KEPT),
    row(FN + "bilinear", F(2, 3), F(2, 4), F(5, 3, 4), F(5), **KEPT),
    row(FN + "scaled_dot_product_attention", *HEADS, **KEPT),
    row(FN + "scaled_dot_product_attention", *HEADS, F(5, 7), **KEPT),
    row(FN + "scaled_dot_product_attention", *HEADS, is_causal=True, **KEPT),
    row(FN + "gelu", F(3, 5), second=True, **KEPT),
    row(FN + "gelu", F(3, 5), approximate="tanh", second=True, **KEPT),
    raises(FN + "linear", F(2, 3), F(4, 5), error=RuntimeError, text="(2x3 and 5x4)"),
    raises(FN + "linear", F(2, 3, dtype="float64"), F(4, 3), F(4), error=RuntimeError,
           text="mat1 and mat2 must have the same dtype, but got Double and Float"),
    raises(FN + "linear", F(2, 3, dtype="float16"), F(4, 3), error=RuntimeError,
           text="c10::Half != float"),
    raises(FN + "layer_norm", F(2, 4, dtype="float64"), (4,), F(4), F(4), error=RuntimeError,
           text="all inputs must share same datatype"),
    raises(FN + "batch_norm", F(2, 4), F(4, dtype="float64"), F(4, dtype="float64"),
           error=RuntimeError, text="expect parameter to have scalar type of Float"),
    raises(FN + "group_norm", F(2, 4, dtype="float16"), 2, F(4, dtype="float64"),
           F(4, dtype="float64"), error=RuntimeError, text="mixed dtype (CPU)"),
    row(FN + "layer_norm", F(2, 4, dtype="float16"), (4,), F(4), F(4), limits=(1e-2, 1e-2),
        node=False),
    row(FN + "rms_norm", F(2, 4, dtype="float16"), (4,), F(4), limits=(1e-2, 1e-2), node=False),
    raises(FN + "layer_norm", F(2, 4), (5,), error=RuntimeError, text="normalized_shape=[5]"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
