"""Tensors print as in PyTorch, character for character."""

import math

import numpy as np
import pytest

import jaxtorch as torch
from jaxtorch import dtypes, printing
from tests import printing_rows, stored
from tests.printing_rows import Row, ours
from tests.reference.make_printing import REFERENCE


def test_prints_as_torch():
    expected = stored.load(REFERENCE, "printing")["reprs"]
    for row, text in zip(printing_rows.STORED, expected, strict=True):
        assert ours(row) == text, row


@pytest.mark.parametrize(
    "value, name, text",
    [
        ([1.0, 2.0], "float32", "tensor([1., 2.])"),
        ([1.0, 2.0], "float64", "tensor([1., 2.], dtype=torch.float64)"),
        ([1.5, math.nan, -math.inf], "float32", "tensor([1.5000,    nan,   -inf])"),
        (3.14159, "float32", "tensor(3.1416)"),
        ([1e-5, 1.0], "float32", "tensor([1.0000e-05, 1.0000e+00])"),
        ([True, False], "bool", "tensor([ True, False])"),
        ([], "float32", "tensor([])"),
        (np.empty((0, 3)), "float32", "tensor([], size=(0, 3))"),
        ([], "int64", "tensor([], dtype=torch.int64)"),
        ([[1, 20], [300, 4]], "int64", "tensor([[  1,  20],\n        [300,   4]])"),
        ([1 + 2j, -1.5j], "complex64", "tensor([1.+2.0000j, -0.-1.5000j])"),
        (range(1001), "int64", "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    ],
)
def test_by_example(value, name, text):
    row = Row(np.array(list(value) if isinstance(value, range) else value), name)
    row.array = row.array.astype(dtypes.ALL[name].numpy)
    assert ours(row) == text


def show(array, **changes):
    given = dict(device="cpu", requires_grad=False, grad_fn_name=None, default_dtype=dtypes.float32)
    return printing.tensor_repr(array, dtypes.float32, **{**given, **changes})


def test_suffixes():
    x = np.ones(2, np.float32)
    assert show(x, requires_grad=True) == "tensor([1., 1.], requires_grad=True)"
    assert show(x, requires_grad=True, grad_fn_name="MulBackward0") == (
        "tensor([1., 1.], grad_fn=<MulBackward0>)"
    )
    assert show(x, device="cuda:0") == "tensor([1., 1.], device='cuda:0')"
    assert show(x, class_prefix="Mine") == "Mine([1., 1.])"
    # A suffix that would pass the line's end goes to a line of its own.
    wide = show(np.arange(16, dtype=np.float32), grad_fn_name="MulBackward0")
    assert wide.endswith("14., 15.], grad_fn=<MulBackward0>)")
    wide = show(np.arange(12, dtype=np.float32), grad_fn_name="MulBackward0")
    assert wide.endswith("10., 11.],\n       grad_fn=<MulBackward0>)")


def test_options():
    before = printing.get_printoptions()
    assert before == dict(precision=4, threshold=1000, edgeitems=3, linewidth=80, sci_mode=None)
    with printing.printoptions(precision=2, sci_mode=True):
        assert show(np.float32([1.5, 2])) == "tensor([1.50e+00, 2.00e+00])"
        printing.set_printoptions(profile="full", edgeitems=1)
        assert printing.get_printoptions()["threshold"] == math.inf
        assert printing.get_printoptions()["sci_mode"] is None
    assert printing.get_printoptions() == before
    with pytest.raises(ValueError, match="profile"):
        printing.set_printoptions(profile="long")


def test_where_torch_keeps_its_options():
    x = torch.tensor([1.23456])
    with torch._tensor_str.printoptions(precision=2):
        assert repr(x) == "tensor([1.23])" and torch._tensor_str.PRINT_OPTS.precision == 2
    assert torch._tensor_str._str(x) == "tensor([1.2346])"
    assert x.__repr__(tensor_contents="one number") == "tensor(one number)"
