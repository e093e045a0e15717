"""Embeddings with ``sparse=True``, and the optimizers that take their gradients."""

import pytest

import jaxtorch as torch

# (layer, optimizer, options, the table after four steps as real torch 2.13 has it)
RUNS = [
    ("Embedding", "SparseAdam", dict(lr=0.1),
     [1.3637, -0.1156, -1.8816, 0.8663, -1.0845, -1.3986, 0.4778, 0.9124, -0.6611, -0.3452]),
    ("Embedding", "SparseAdam", dict(lr=0.1, betas=(0.5, 0.9), eps=1e-3, maximize=True),
     [1.7503, -0.5019, -2.4876, 0.258, -1.0845, -1.3986, 0.3117, 0.747, -0.8181, -0.5021]),
    ("Embedding", "SGD", dict(lr=0.1),
     [1.3462, 0.1722, -0.2207, 0.8343, -1.0845, -1.3986, 0.5227, 0.8704, -0.3754, -0.1227]),
    ("Embedding", "Adagrad", dict(lr=0.1),
     [1.3778, -0.1256, -1.9286, 0.7999, -1.0845, -1.3986, 0.5033, 0.938, -0.6193, -0.3033]),
    ("EmbeddingBag", "SparseAdam", dict(lr=0.1),
     [1.696, -0.1189, -1.8965, 0.6476, -1.0845, -1.3986, 0.4778, 0.7636, -0.6611, -0.3452]),
    ("EmbeddingBag", "SparseAdam", dict(lr=0.1, betas=(0.5, 0.9), eps=1e-3, maximize=True),
     [1.3724, -0.5041, -2.4879, 0.4387, -1.0845, -1.3986, 0.3115, 0.9294, -0.8176, -0.5022]),
    ("EmbeddingBag", "SGD", dict(lr=0.1),
     [1.8387, 0.1619, 0.1277, 0.5206, -1.0845, -1.3986, 0.8929, 0.7277, -0.7491, -0.093]),
    ("EmbeddingBag", "Adagrad", dict(lr=0.1),
     [1.6458, -0.1024, -1.8981, 0.5662, -1.0845, -1.3986, 0.5033, 0.738, -0.6193, -0.3033]),
]  # fmt: skip


def trained(layer, make):
    torch.manual_seed(0)
    bag = layer == "EmbeddingBag"
    table = getattr(torch.nn, layer)(5, 2, sparse=True, **({"mode": "sum"} if bag else {}))
    optimizer = make(table.parameters())
    for at in ([0, 1], [1, 3], [1, 1], [4, 0]):
        optimizer.zero_grad()
        found = table(torch.tensor([at] if bag else at))
        ((found - 1) ** 2).sum().backward()
        optimizer.step()
    return table.weight, optimizer


@pytest.mark.parametrize("layer, optimizer, options, expected", RUNS)
def test_a_table_is_trained_as_by_torch(layer, optimizer, options, expected):
    weight, _ = trained(layer, lambda params: getattr(torch.optim, optimizer)(params, **options))
    assert weight.flatten().tolist() == pytest.approx(expected, abs=1e-4)


def test_rows_that_were_not_looked_up_keep_their_moments():
    weight, optimizer = trained("Embedding", torch.optim.SparseAdam)
    state = optimizer.state_dict()["state"][0]
    assert state["step"] == 4 and set(state) == {"step", "exp_avg", "exp_avg_sq"}
    assert state["exp_avg"][2].tolist() == [0, 0] and state["exp_avg"][3].abs().min() > 0
    other = torch.optim.SparseAdam([weight])
    other.load_state_dict(optimizer.state_dict())
    assert other.state[weight]["exp_avg_sq"].equal(optimizer.state[weight]["exp_avg_sq"])


def test_gradients_of_other_parameters_are_refused():
    layer = torch.nn.Linear(1, 1)
    layer(torch.ones(1)).sum().backward()
    with pytest.raises(RuntimeError, match="SparseAdam does not support dense gradients"):
        torch.optim.SparseAdam(layer.parameters()).step()


def test_a_maximum_has_no_gradient_of_rows():
    with pytest.raises(ValueError, match="max mode does not support sparse weights"):
        torch.nn.EmbeddingBag(5, 2, mode="max", sparse=True)(torch.tensor([[0]]))
