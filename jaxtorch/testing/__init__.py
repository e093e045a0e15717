"""``torch.testing``: tensors compared, with a report of differences, and tensors to test with."""

from jaxtorch import left_out
from jaxtorch.testing._comparison import (
    assert_allclose as assert_allclose,
    assert_close as assert_close,
)
from jaxtorch.testing._creation import make_tensor as make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

__getattr__ = left_out.attributes_of(__name__)
