"""Activations, beside torch.nn.functional's."""

from tests import oracle
from tests.oracle import F, I, V, raises, row

X = F(2, 3)
KINKS = V([-4.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 7.0])
WIDE = V([-100.0, -20.0, 0.0, 20.0, 100.0])
NN = "nn.functional."
HALF = "float16 bfloat16 float64"

ROWS = [
    *(r for name in (
        "relu relu6 elu selu celu silu mish gelu leaky_relu hardtanh hardsigmoid hardswish "
        "softplus softsign tanhshrink hardshrink softshrink logsigmoid"
    ).split() for r in (
        # hardsigmoid: torch has no second derivative; out= is in no documented signature here
        row(NN + name, X, second=name != "hardsigmoid", dtypes=HALF, inplace=False, out=False),
        row(NN + name, KINKS, inplace=False, node=False, out=False),
        row(NN + name, WIDE, inplace=False, node=False, out=False),
    )),
    row("relu", KINKS, dtypes="int64 bool float16"),
    row("relu", I(2, 3)),
    row("Tensor.relu", KINKS),
    row("selu", X),
    row("celu", X, 0.5),
    row("threshold", KINKS, 0.5, 9.0, out=False),
    row("hardshrink", KINKS, 1.0, out=False),
    row("prelu", F(2, 3, 4), V([0.1, 0.2, 0.3]), second=True),
    row("prelu", KINKS, V([0.25])),
    row(NN + "elu", KINKS, 0.7),
    row(NN + "celu", KINKS, alpha=2.0),
    row(NN + "gelu", KINKS, approximate="tanh", limits=(1e-5, 2e-6)),
    row(NN + "leaky_relu", KINKS, 0.2),
    row(NN + "hardtanh", KINKS, -0.5, 3.0),
    row(NN + "softplus", KINKS, 2.0, 1.5, out=False),
    row(NN + "threshold", KINKS, -1.0, 5.0),
    row(NN + "threshold", V([1, 200, 3], "uint8"), 2, -9),
    raises(NN + "threshold", V([1, 20, 3], "int8"), 2, -900, error=RuntimeError,
           text="value cannot be converted to type int8_t without overflow"),
    raises(NN + "hardtanh", V([1, 20, 3], "uint8"), error=RuntimeError,
           text="cannot do hardtanh on an unsigned type with negative limits"),
    row(NN + "softshrink", KINKS, 1.0, out=False),
    row(NN + "glu", F(2, 4), second=True),
    row(NN + "glu", F(4, 3), dim=0),
    row(NN + "softmin", X, 1, node=False),
    row(NN + "softmax", X, 1, second=True),
    row(NN + "log_softmax", X, dim=0),
    row(NN + "softmax", X, dim=-1, dtype="float64"),
    row("softmax", F(2, 3, 4), 1),
    row("softmax", F(2, 0), -1),
    row("log_softmax", F(2, 3, 4), -1),
    row("log_softmax", F(4, 5, dtype="bfloat16"), 1, limits=(0, 0)),
    raises(NN + "glu", F(2, 3), error=RuntimeError, text="must be even"),
    raises(NN + "softmax", X, 2, error=IndexError, text="Dimension out of range"),
    raises("relu", 1.0, error=TypeError),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
