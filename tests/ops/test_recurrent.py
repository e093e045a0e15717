"""Recurrent cells and layers as functions."""

import pytest

import jaxtorch
from tests import oracle
from tests.oracle import F, V, row

# Five steps of float32 sums, added in another order: 1e-6 of values near 0.01 is 1e-4 of them.
KEPT = {"node": False, "dtypes": "", "limits": (2e-4, 4e-6)}
X, H = F(2, 3), F(2, 4)


def weights(gates: int) -> list:
    return [F(gates * 4, 3), F(gates * 4, 4), F(gates * 4), F(gates * 4)]


SEQUENCE = F(5, 2, 3)
# has biases, layers, dropout, train, bidirectional, batch first
LAYER = (True, 1, 0.0, False, False, False)
PACKED = (True, 1, 0.0, False, True)

ROWS = [
    row("rnn_tanh_cell", X, H, *weights(1), **KEPT),
    row("rnn_relu_cell", X, H, *weights(1), **KEPT),
    row("gru_cell", X, H, *weights(3), **KEPT),
    row("lstm_cell", X, [H, H], *weights(4), **KEPT),
    row("rnn_tanh", SEQUENCE, F(1, 2, 4), weights(1), *LAYER, **KEPT),
    row("rnn_relu", SEQUENCE, F(1, 2, 4), weights(1), *LAYER, **KEPT),
    row("gru", SEQUENCE, F(1, 2, 4), weights(3), *LAYER, **KEPT),
    # packed: three rows of the first step, two of the second, one of the third
    row("lstm", F(6, 3), V([3, 2, 1]), [F(2, 3, 4), F(2, 3, 4)], weights(4) * 2, *PACKED, **KEPT),
    row("gru", F(6, 3), V([3, 2, 1]), F(2, 3, 4), weights(3) * 2, *PACKED, **KEPT),
    row("lstm", SEQUENCE, [F(1, 2, 4), F(1, 2, 4)], weights(4), *LAYER, **KEPT),
]

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_there_must_be_a_step(kind):
    layer = getattr(jaxtorch.nn, kind)(3, 4)
    with pytest.raises(RuntimeError, match="Expected sequence length to be larger than 0 in RNN"):
        layer(jaxtorch.zeros(0, 2, 3))
    assert layer(jaxtorch.zeros(2, 0, 3))[0].shape == (2, 0, 4)
