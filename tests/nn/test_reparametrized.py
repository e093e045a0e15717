"""``nn.utils`` does what PyTorch's does, complaints included (see ``reparametrized.py``)."""

import pytest

import jaxtorch
from tests import oracle, stored
from tests.nn import programs, reparametrized


@pytest.mark.parametrize("program", reparametrized.PROGRAMS, ids=lambda p: p.__name__)
def test_program(program):
    if oracle.torch is None:
        expected = stored.load(oracle.REFERENCE, "reparametrized")[program.__name__]
    else:
        expected = programs.run(program, oracle.torch)
    programs.agree(programs.run(program, jaxtorch), expected)


def test_a_parametrized_module_is_a_flax_module():
    from flax import nnx

    net = jaxtorch.nn.utils.parametrizations.weight_norm(jaxtorch.nn.Linear(2, 2))
    graphdef, state = nnx.split(net)
    twin = nnx.merge(graphdef, state)
    x = jaxtorch.ones(1, 2)
    assert twin(x).tolist() == net(x).tolist()
    assert type(twin).__name__ == "ParametrizedLinear"


def test_a_power_iteration_inside_jit_is_kept():
    net = jaxtorch.nn.utils.parametrizations.spectral_norm(jaxtorch.nn.Linear(3, 3))
    before = net.parametrizations.weight[0]._u.tolist()
    jaxtorch.jit(lambda net, x: net(x))(net, jaxtorch.ones(1, 3))
    assert net.parametrizations.weight[0]._u.tolist() != before
