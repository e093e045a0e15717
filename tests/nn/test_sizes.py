"""What other people's layers import of ``torch.nn.modules.utils``."""

from jaxtorch.nn.modules.utils import _ntuple, _pair, _reverse_repeat_tuple, _single, _triple


def test_an_int_is_for_every_dimension():
    assert (_single(2), _pair(2), _triple(2), _ntuple(4)(2)) == ((2,), (2, 2), (2,) * 3, (2,) * 4)
    assert _pair([3, 4]) == (3, 4) and _pair("same") == ("same", "same")


def test_a_padding_is_reversed_and_repeated():
    assert _reverse_repeat_tuple((1, 2), 2) == (2, 2, 1, 1)
