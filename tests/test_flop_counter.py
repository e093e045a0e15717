"""``torch.utils.flop_counter``: counts against those of PyTorch 2.13, and by hand."""

import pytest

import jaxtorch as torch
import jaxtorch.nn.functional as F
from jaxtorch import nn
from jaxtorch.utils.flop_counter import FlopCounterMode


def counted(function) -> dict[str, int]:
    counter = FlopCounterMode(display=False)
    with counter:
        function()
    total = counter.get_total_flops()
    found = {path: sum(c.values()) for path, c in counter.get_flop_counts().items()}
    assert total == found["Global"]
    return found


def test_layers_and_their_gradients():
    """As PyTorch counts them, which asks for the gradients of weights, and of inputs if wanted."""
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    x = torch.randn(5, 8)
    assert counted(lambda: net(x)) == {
        "Global": 1920, "Sequential": 1920, "Sequential.0": 1280, "Sequential.2": 640,
    }  # fmt: skip
    assert counted(lambda: net(x).sum().backward())["Sequential.0"] == 2560
    wanted = x.clone().requires_grad_()
    assert counted(lambda: net(wanted).sum().backward()) == {
        "Global": 5760, "Sequential": 5760, "Sequential.0": 3840, "Sequential.2": 1920,
    }  # fmt: skip
    image = torch.randn(2, 3, 8, 8, requires_grad=True)
    assert counted(lambda: nn.Conv2d(3, 4, 3, padding=1)(image))["Conv2d"] == 27648
    assert counted(lambda: nn.ConvTranspose2d(3, 4, 3, stride=2)(image).sum().backward()) == {
        "Global": 82944, "ConvTranspose2d": 82944,
    }  # fmt: skip


def test_whatever_ends_in_a_product():
    q = torch.randn(2, 4, 5, 8, requires_grad=True)
    assert counted(lambda: torch.einsum("bhqd,bhkd->bhqk", q, q))["Global"] == 2 * 8 * 25 * 8
    attention = counted(lambda: F.scaled_dot_product_attention(q, q, q).sum().backward())
    assert attention["Global"] == 7 * 2 * 8 * 25 * 8  # two forward, and five back
    lstm = counted(lambda: nn.LSTM(4, 8)(torch.randn(6, 2, 4)))
    assert lstm["LSTM"] == 2 * 6 * 2 * 32 * (4 + 8)
    assert counted(lambda: torch.randn(3) + 1)["Global"] == 0


def test_under_autocast_and_what_is_refused(capsys):
    net = nn.Linear(8, 16)
    with torch.autocast("cpu"):
        assert counted(lambda: net(torch.randn(5, 8)))["Linear"] == 1280
    with FlopCounterMode() as counter, torch.autocast("cpu"):
        assert net(torch.randn(5, 8)).dtype is torch.bfloat16
    table = capsys.readouterr().out
    assert table.splitlines()[1].split() == ["Global", "1.280K", "100.00%"]
    assert counter.get_flop_counts()["Linear"] == {"linear": 1280} and " - linear" in table
    assert net(torch.randn(5, 8)).dtype is torch.float32
    with pytest.raises(NotImplementedError, match="custom_mapping"):
        FlopCounterMode(custom_mapping={"mm": None})
    with FlopCounterMode(display=False), pytest.raises(NotImplementedError, match="anomaly"):
        torch.autograd.set_detect_anomaly(True)
    with pytest.warns(UserWarning, match="not needed"):
        FlopCounterMode(net)
