"""Mathematics of two or three tensors, and of a tensor and a number."""

from tests import oracle
from tests.oracle import DTYPES, B, F, I, V, raises, row

inf, nan = float("inf"), float("nan")
SIGNS = V([-2.5, -1.0, -0.0, 0.0, 0.5, 3.0, 7.0, -7.0])
OTHERS = V([1.5, -1.0, 2.0, -2.0, -0.5, 3.0, -3.0, 2.0])
ODD = V([0.0, 1.0, -1.0, inf, -inf, nan, 2.0, -0.0])
ODDER = V([0.0, nan, -1.0, 1.0, inf, 2.0, -inf, -1.0])


def pairs(name, **options):
    """Two tensors broadcast, a 0-dim one, and all dtypes."""
    return [
        row(name, F(2, 3), F(3), second=True, **options),
        row(name, F(2, 3), F(2, 3), dtypes=DTYPES),
        row(name, F(2, 1), F(1, 3)),
        row(name, F(3), F()),
    ]


ROWS = [
    *(r for name in "add sub mul div maximum minimum".split() for r in pairs(name)),
    *(row(name, F(2, 3), number, second=True, dtypes=DTYPES)
      for name in "add sub mul div rsub".split() for number in (2, 1.5)),
    *(row(name, F(2, 3), True) for name in "add mul div".split()),
    *(row(name, I(2, 3), 1.5) for name in "add sub mul div rsub".split()),
    *(row(name, I(2, 3), I(3, low=1)) for name in "add sub mul div".split()),
    *(row(name, I(2, 3), F(3)) for name in "add sub mul div".split()),
    *(row(name, B(2, 3), B(3)) for name in "add mul".split()),
    *(row(name, F(2, 3, dtype="float64"), F(3)) for name in "add mul".split()),
    *(row(name, F(2, 3), F(dtype="float64"), limits=(1e-6, 1e-6)) for name in "add mul".split()),
    *(row(name, F(2, 3, dtype=d), F(3, dtype=d)) for name in "add mul div".split()
      for d in ("float16", "bfloat16", "complex64")),
    row("add", F(2, 3), F(3), alpha=2),
    row("add", I(2, 3), I(3), alpha=2),
    row("sub", F(2, 3), F(3), alpha=0.5),
    row("rsub", F(2, 3), F(3), alpha=0.5),
    row("multiply", F(2), F(2)),
    row("subtract", F(2), F(2)),
    row("divide", F(2), F(2)),
    row("true_divide", F(2), F(2)),
    *(row("div", SIGNS, OTHERS, rounding_mode=mode) for mode in ("floor", "trunc")),
    *(row("div", I(2, 3), 3, rounding_mode=mode, dtypes=DTYPES) for mode in ("floor", "trunc")),
    row("div", ODD, ODDER),
    *(r for name in "remainder fmod".split() for r in (
        row(name, SIGNS, OTHERS, second=True),
        row(name, SIGNS, 1.5, dtypes=DTYPES),
        row(name, I(2, 3), 3),
        row(name, I(2, 3), I(3, low=1)),
    )),
    row("floor_divide", SIGNS, OTHERS, grad=False),
    row("floor_divide", I(2, 3), 3, dtypes=DTYPES),
    row("floor_divide", SIGNS, 2, grad=False),
    row("floor_divide", I(2, 3), -2),
    row("remainder", 5, I(3, low=1)),

    # powers
    *(row("pow", F(2, 3), exponent, second=True)
      for exponent in (2, 3, 2.0, 1, 0, 0.0, -1, -2, 5, 9, -3)),
    *(row("pow", F(2, 3, low=0.1, high=2), exponent, second=True, dtypes=DTYPES)
      for exponent in (0.5, -0.5, 2.5, -1.5, 1.0 / 3)),
    row("pow", B(3), 1, out=False),
    row("pow", B(3), False, out=False),
    row("add", 3, 4, out=False),
    row("sub", 2, 1.5, out=False),
    row("mul", 2j, 2, out=False),
    row("div", 7, 2, out=False),
    row("div", 7, 2, rounding_mode="floor", out=False),
    row("floor_divide", 7.5, 2, out=False),
    raises("remainder", 7, 2, error=TypeError, text="invalid combination of arguments"),
    row("pow", I(2, 3), 2, dtypes=DTYPES),
    row("pow", I(2, 3), 2.0),
    row("pow", I(2, 3, low=1), -1.0),
    row("pow", F(2, 3, low=0.1, high=2), F(3), second=True, dtypes=DTYPES),
    row("pow", V([0.0, 0.0, 0.0, 2.0, -2.0]), V([0.0, 2.0, 1.0, 0.0, 3.0])),
    row("pow", V([0.0, 0.0, -1.0, 2.0]), 0.5, limits=(1e-6, 0)),
    row("pow", I(2, 3), I(3, low=0)),
    row("pow", V([0j, 0j, 2j], "complex64"), V([1 + 2j, 2, 0.3], "complex64"), grad=False),
    row("pow", V([1, -1, 2, -1]), V([-1, -1, -1, -2])),
    row("pow", 2, F(2, 3), second=True),
    row("pow", 2.5, F(2, 3)),
    row("pow", 2, I(2, 3, low=0)),
    row("float_power", F(2, 3, low=0.1, high=2), 2.5, trace=False),
    row("float_power", I(2, 3), 2, trace=False),
    row("float_power", F(2, 3, low=0.1, high=2), F(3), trace=False),

    # bounds and choice
    *(row("clamp", V([-1.0, -0.5, 0.0, 0.5, 1.0, nan]), second=True, **bounds)
      for bounds in ({"min": -0.5}, {"max": 0.5}, {"min": -0.5, "max": 0.5},
                     {"min": 0.5, "max": -0.5})),
    row("clamp", F(2, 3), -0.5, 0.5, dtypes=DTYPES),
    row("clamp", I(2, 3), min=0.5),
    row("clamp", I(2, 3), 0, 2),
    row("clamp", F(2, 3), F(3), F(2, 3)),
    row("clamp", F(2, 3), max=F(3)),
    row("clip", F(2, 3), -0.5, 0.5),
    row("clamp_min", F(2, 3), 0.1),
    row("clamp_max", F(2, 3), 0.1),
    row("clamp_min", F(2, 3), F(3)),
    row("maximum", ODD, ODDER, grad=False),
    row("minimum", ODD, ODDER, grad=False),
    row("maximum", V([1.0, 2.0]), V([1.0, 1.0]), second=True),
    *(r for name in "fmax fmin".split() for r in (
        row(name, ODD, ODDER),
        row(name, V([1.0, 2.0]), V([1.0, 1.0])),
        row(name, F(2, 3), F(3), dtypes=DTYPES),
    )),
    row("where", B(2, 3), F(2, 3), F(3), second=True),
    row("where", B(2, 3), F(2, 3), 2),
    row("where", B(2, 3), 1.5, 2),
    row("where", B(2, 3), 1, F(3)),
    row("where", B(2, 3), I(2, 3), F(3)),
    row("where", B(2, 3), F(3, dtype="float64"), 0.0),
    row("where", B(3), trace=False),

    # three tensors
    row("lerp", F(2, 3), F(2, 3), 0.3, second=True),
    row("lerp", F(2, 3), F(3), F(2, 3), second=True),
    row("lerp", F(2, 3), F(3), V(0.7)),
    row("lerp", F(2, 3, dtype="bfloat16"), F(3, dtype="bfloat16"), 0.25),
    row("addcmul", F(2, 3), F(3), F(2, 3), second=True, dtypes=DTYPES),
    row("addcmul", F(2, 3), F(3), F(2, 1), value=0.5),
    row("addcmul", I(2, 3), I(3), I(3), value=2),
    row("addcdiv", F(2, 3), F(3), F(2, 3, low=1, high=2), second=True),
    row("addcdiv", F(2, 3), F(3), F(2, 1, low=1, high=2), value=0.5),

    # the rest
    row("atan2", F(2, 3), F(3), second=True, dtypes=DTYPES),
    row("atan2", V([1.0, -1.0, 0.0]), V([0.0, 0.0, -1.0])),
    row("arctan2", F(2), F(2)),
    row("hypot", F(2, 3), F(3), second=True, dtypes=DTYPES),
    row("copysign", F(2, 3), F(3), dtypes=DTYPES),
    row("copysign", F(2, 3), -1.0),
    row("heaviside", V([-1.0, 0.0, 2.0]), V([0.5, 0.5, 0.5]), grad=False, dtypes=DTYPES),
    row("logaddexp", F(2, 3), F(3), second=True, dtypes=DTYPES),
    row("logaddexp2", F(2, 3), F(3), second=True),
    row("logaddexp", V([inf, -inf, 0.0]), V([inf, -inf, -inf]), grad=False),
    row("xlogy", F(2, 3), F(3, low=0.1, high=2), second=True, dtypes=DTYPES),
    row("xlogy", V([0.0, 0.0, 1.0]), V([0.0, nan, 0.0]), grad=False),
    row("xlogy", F(2, 3), 2.0),
    row("xlogy", 2.0, F(2, 3, low=0.1, high=2)),
    row("nextafter", F(2, 3), F(3)),
    row("nextafter", F(3, dtype="bfloat16"), F(3, dtype="bfloat16"), limits=(0, 0)),
    row("div", F(64, dtype="bfloat16"), V([0.3], "bfloat16"), rounding_mode="trunc"),
    row("logaddexp", F(3, dtype="complex64"), F(3, dtype="complex64")),
    row("ldexp", F(3), V([1, 3, 40]), limits=(0, 0)),
    raises("bitwise_and", 1, 2, error=TypeError, text="invalid combination of arguments"),
    row("ldexp", F(2, 3), I(3), dtypes=DTYPES, node=False),
    row("frexp", F(2, 3), node=False),

    # bad input
    # the factor before the tensor that it multiplies, as in early PyTorch; a number first
    row("add", F(2, 3), 0.5, F(2, 3), out=False),
    row("sub", F(2, 3), 2, F(3), out=False),
    row("addcmul", F(2, 3), 0.5, F(2, 3), F(2, 3), out=False),
    row("mul", 2, F(2, 3), inplace=False, out=False),
    row("div", 1.0, F(2, 3), inplace=False, out=False),
    raises("add", F(2, 3), F(4), error=RuntimeError,
           text="The size of tensor a (3) must match the size of tensor b (4) at non-singleton "
                "dimension 1"),
    raises("mul", F(2, 3), F(3, 2), error=RuntimeError, text="at non-singleton dimension 1"),
    raises("add", I(2), I(2), alpha=1.5, error=RuntimeError,
           text="For integral input tensors, argument alpha must not be a floating point number."),
    raises("sub", B(2), B(2), error=RuntimeError, text="with two bool tensors is not supported"),
    raises("sub", I(2), B(2), error=RuntimeError, text="with a bool tensor is not supported"),
    raises("rsub", B(2), 1, error=RuntimeError, text="with a bool tensor is not supported"),
    raises("div", F(2), 2, rounding_mode="up", error=RuntimeError,
           text="div expected rounding_mode to be one of None, 'trunc', or 'floor' but found 'up'"),
    raises("pow", I(2), -1, error=RuntimeError,
           text="Integers to negative integer powers are not allowed."),
    raises("clamp", F(2), error=RuntimeError,
           text="At least one of 'min' or 'max' must not be None"),
    raises("where", F(2), F(2), F(2), error=RuntimeError,
           text="where expected condition to be a boolean tensor, but got a tensor with dtype "
                "Float"),
    raises("lerp", F(2), F(2, dtype="float64"), 0.5, error=RuntimeError,
           text="expected dtype float for `end` but got dtype double"),
    raises("addcdiv", I(2), I(2), I(2), error=RuntimeError, text="Integer division with addcdiv"),
    raises("maximum", F(2), 2, error=TypeError,
           text="argument 'other' (position 2) must be Tensor"),
    raises("add", F(2), "a", error=TypeError),
    raises("add", F(2), F(2), F(2), error=TypeError),
    raises("Tensor.add_", I(2), 1.5, error=RuntimeError,
           text="result type Float can't be cast to the desired output type Long"),
    raises("Tensor.add_", F(3), F(2, 3), error=RuntimeError,
           text="output with shape [3] doesn't match the broadcast shape [2, 3]"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
