"""Every layer beside torch's, from the same seed (see ``rows.py``)."""

import pytest

import jaxtorch
from tests import oracle
from tests.nn import rows


@pytest.mark.parametrize("row", rows.ROWS, ids=str)
@pytest.mark.parametrize("how", ["interpret", "compile"])
def test_layer(row, how):
    with oracle.no_warnings(), oracle.evaluated(how):
        seen = rows.observe(jaxtorch, row)
    rows.compare(seen, rows.expected(row), row.limits)


def test_every_layer_has_a_row():
    texts = " ".join(row.text for row in rows.ROWS)
    abstract = {
        "Module", "Container", "RNNBase", "RNNCellBase", "ModuleList", "ModuleDict",
        "ParameterList", "ParameterDict", "CrossMapLRN2d", "SyncBatchNorm", "NLLLoss2d",
        "AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyOptions",
    }  # fmt: skip
    layers = [
        n
        for n in jaxtorch.nn.modules.__all__
        if n not in abstract and not n.startswith(("Lazy", "register"))
    ]
    assert not [name for name in layers if f"nn.{name}(" not in texts]
