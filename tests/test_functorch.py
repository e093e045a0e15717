"""functorch's names, as ``import functorch`` finds them beside jaxtorch."""

import subprocess
import sys

import pytest

import jaxtorch as torch
from jaxtorch import functorch, nn

X = torch.ones(4, 3)


def net():
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).eval()


def test_a_module_as_a_function_of_its_state():
    model = net()
    f, parameters, buffers = functorch.make_functional_with_buffers(model)
    assert [tuple(p.shape) for p in parameters] == [(2, 3), (2,), (2,), (2,)]
    torch.testing.assert_close(f(parameters, buffers, X), model(X))
    doubled = [p * 2 for p in parameters]
    assert not torch.equal(f(doubled, buffers, X), model(X))
    detached = functorch.make_functional_with_buffers(model, disable_autograd_tracking=True)[1]
    assert all(p.requires_grad for p in parameters)
    assert not any(p.requires_grad for p in detached)


def test_gradients_of_every_example():
    f, parameters = functorch.make_functional(nn.Linear(3, 1))
    loss = functorch.grad(lambda p, x: f(p, x).sum())
    found = functorch.vmap(loss, (None, 0))(parameters, X)
    assert isinstance(found, tuple) and found[0].tolist() == [[[1.0] * 3]] * 4
    with pytest.raises(RuntimeError, match="has buffers"):
        functorch.make_functional(net())


def test_ensembles():
    models = [net() for _ in range(3)]
    f, parameters, buffers = functorch.combine_state_for_ensemble(models)
    out = functorch.vmap(f, in_dims=(0, 0, None))(parameters, buffers, X)
    torch.testing.assert_close(out, torch.stack([m(X) for m in models]))
    with pytest.raises(RuntimeError, match="at least one model"):
        functorch.combine_state_for_ensemble([])
    with pytest.raises(RuntimeError, match="training/eval mode"):
        functorch.combine_state_for_ensemble([net(), net().train()])
    with pytest.raises(RuntimeError, match="same class"):
        functorch.combine_state_for_ensemble([net(), nn.Linear(2, 2).eval()])


def test_it_is_imported_by_its_own_name(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import functorch, torch\nassert functorch.grad is torch.func.grad\n")
    subprocess.run([sys.executable, "-m", "jaxtorch", str(script)], check=True)
