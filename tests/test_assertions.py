"""torch._check and its kin: what they raise."""

import pytest

import jaxtorch as torch


@pytest.mark.parametrize(
    "check, error",
    [
        (torch._check, RuntimeError),
        (torch._check_index, IndexError),
        (torch._check_value, ValueError),
        (torch._check_type, TypeError),
        (torch._check_not_implemented, NotImplementedError),
    ],
)
def test_checks_raise_their_error(check, error):
    check(True, lambda: 1 / 0)
    with pytest.raises(error, match="^three is odd$"):
        check(False, lambda: "three is odd")
    with pytest.raises(error, match="Expected cond to be True"):
        check(False)
    with pytest.raises(TypeError, match="must be a callable"):
        check(False, "three is odd")
    with pytest.raises(TypeError, match="got a Tensor.*_check_tensor_all"):
        check(torch.tensor(True))


def test_all_elements():
    torch._check_tensor_all(torch.tensor([True, True]))
    with pytest.raises(RuntimeError, match="^no$"):
        torch._check_tensor_all(torch.tensor([True, False]), lambda: "no")
    with pytest.raises(TypeError, match="dtype torch.bool, but got torch.int64"):
        torch._check_tensor_all(torch.tensor([1]))


def test_assert():
    torch._assert(torch.tensor(True), "fine")
    with pytest.raises(AssertionError, match="^too wide$"):
        torch._assert(torch.tensor(1) > 2, "too wide")
