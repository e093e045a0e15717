"""summary(): what the table says, and that nothing is run for it."""

import optax
import pytest

import jaxtorch as torch
from jaxtorch import nn
from jaxtorch.engine import stats


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4 * 36, 10)

    def forward(self, x, scale=1.0):
        return self.head(self.drop(self.features(x)).flatten(1)) * scale


def test_the_table_and_its_numbers(capsys):
    net = Net()
    found = torch.summary(net, torch.empty(2, 1, 8, 8), scale=2.0)
    text = capsys.readouterr().out
    assert text.rstrip("\n") == str(found)
    lines = text.splitlines()
    assert lines[0].split() == ["Module", "Output", "Parameters", "FLOPs", "Bytes"]
    assert [row.path for row in found.rows] == [
        "", "features", "features.0", "features.1", "features.2", "drop", "head",
    ]  # fmt: skip
    rows = {row.path: row for row in found.rows}
    assert rows["features.0"].output == "[2, 4, 6, 6]" and rows["features.0"].parameters == 40
    assert rows["head"].parameters == 1450 and rows[""].parameters == found.parameters == 1498
    matmul = 2 * 2 * 144 * 10
    assert matmul <= rows["head"].flops <= matmul * 1.1
    conv = 2 * 2 * 4 * 36 * 9
    assert conv <= rows["features.0"].flops <= conv * 1.2
    below = sum(rows[path].flops for path in ("features", "drop", "head"))
    assert below <= rows[""].flops <= below * 1.1
    assert "  features.0 (Conv2d)" in text and "1,450" in text
    assert found.buffers == 4 * 8 + 8 and found.trainable == found.parameters
    moments = found.memory.arguments
    assert 3 * 4 * 1498 <= moments <= 3 * 4 * 1498 + 2000
    assert found.memory.peak >= moments and found.memory.capacity > 1 << 28
    assert found.step_flops > found.flops
    assert lines[-1].startswith("Device cpu: ") and lines[-1].endswith("it fits")


def test_nothing_is_run():
    net, x = Net(), torch.ones(2, 1, 8, 8) + 1
    mean, random_state = net.features[1].running_mean, torch.get_rng_state()
    before = stats()
    torch.summary(net, x, verbose=False)
    after = stats()
    assert after == before and x._node.value is None
    assert net.features[1].running_mean is mean and mean.tolist() == [0, 0, 0, 0]
    assert net.features[1].num_batches_tracked.item() == 0
    assert torch.get_rng_state().tolist() == random_state.tolist()
    assert not net.features[0].__dict__.get("_hooked")


def test_options():
    net, x = Net(), torch.empty(2, 1, 8, 8)
    adam = torch.summary(net, x, verbose=False)
    sgd = torch.summary(net, x, verbose=False, optimizer=optax.sgd(0.1), depth=1)
    assert adam.memory.arguments - sgd.memory.arguments >= 2 * 4 * 1498
    assert [row.path for row in sgd.rows] == ["", "features", "drop", "head"]
    none = torch.summary(net, x, verbose=False, optimizer=None)
    assert none.memory is None and "Training step" not in str(none)
    mine = torch.summary(net, x, verbose=False, loss=lambda y: y.square().sum(), optimizer="sgd")
    assert mine.memory is not None
    with pytest.raises(ValueError, match="optimizer='lion'"):
        torch.summary(net, x, optimizer="lion")
    frozen = Net().requires_grad_(False)
    assert torch.summary(frozen, x, verbose=False).memory is None


def test_tied_weights_count_once_and_outputs_of_any_form():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.out = nn.Embedding(7, 4), nn.Linear(4, 7, bias=False)
            self.lstm = nn.LSTM(4, 4, batch_first=True)
            self.out.weight = self.embed.weight

        def forward(self, tokens):
            states, last = self.lstm(self.embed(tokens))
            return {"logits": self.out(states), "last": last}

    found = torch.summary(Tied(), torch.zeros(2, 3, dtype=torch.int64), verbose=False)
    assert found.parameters == 28 + 4 * (16 + 16 + 4 + 4)
    rows = {row.path: row for row in found.rows}
    assert rows["lstm"].output == "[2, 3, 4], [1, 2, 4], [1, 2, 4]"
    assert rows["out"].parameters == 28


def test_a_model_too_large_is_said_to_be_before_it_is_run():
    found = torch.summary(nn.Linear(4, 4), torch.empty(1 << 20, 1 << 14, 4), verbose=False)
    assert found.memory.peak > found.memory.capacity or found.memory.capacity > 1 << 38
    assert ("DOES NOT FIT" in str(found)) == (found.memory.peak > found.memory.capacity)
