"""Moving modules: what is asked for and cannot be had says so."""

import copy

import pytest

import jaxtorch as torch
from jaxtorch import nn


def test_a_memory_format_asks_for_nothing():
    net = nn.Conv2d(1, 1, 1)
    before = net.weight.tolist()
    assert net.to(memory_format=torch.channels_last) is net and net.weight.tolist() == before
    assert net.to(torch.float64, memory_format=torch.channels_last).weight.dtype is torch.float64
    with pytest.raises(TypeError, match=r"got \(memory_format=str\)"):
        net.to(memory_format="channels_last")


def test_processes_share_no_parameters():
    with pytest.raises(NotImplementedError, match="share_memory"):
        nn.Linear(1, 1).share_memory()


def test_devices_that_are_not_there():
    for move in ("xpu", "mtia"):
        with pytest.raises((RuntimeError, NotImplementedError, AssertionError)):
            getattr(nn.Linear(1, 1), move)()


def test_compile_changes_nothing():
    net = nn.Linear(2, 1)
    assert net.compile(mode="max-autotune") is None
    assert net(torch.ones(1, 2)).shape == (1, 1)
    with pytest.raises(TypeError):
        net.compile(no_such_option=True)


def test_factory_keywords():
    assert nn.factory_kwargs({"dtype": torch.half, "factory_kwargs": {"device": "cpu"}}) == {
        "device": "cpu", "dtype": torch.half,
    }  # fmt: skip
    assert nn.factory_kwargs(None) == {}
    with pytest.raises(TypeError, match="unexpected kwargs"):
        nn.factory_kwargs({"bias": True})
    with pytest.raises(TypeError, match="dtype specified twice"):
        nn.factory_kwargs({"dtype": 1, "factory_kwargs": {"dtype": 2}})


@pytest.fixture
def future():
    yield torch.__future__
    torch.__future__.set_overwrite_module_params_on_conversion(False)
    torch.__future__.set_swap_module_params_on_conversion(False)


def test_conversions_may_make_new_parameters(future):
    layer = nn.Linear(2, 2)
    layer(torch.ones(1, 2)).sum().backward()
    weight = layer.weight
    assert layer.double().weight is weight
    future.set_overwrite_module_params_on_conversion(True)
    assert layer.float().weight is not weight and weight.dtype == torch.float64
    assert isinstance(layer.weight, nn.Parameter) and layer.weight.requires_grad
    assert layer.weight.grad.dtype == torch.float32


def test_loading_may_swap_into_the_parameters_that_an_optimizer_has(future):
    layer = nn.BatchNorm1d(2)
    weight = layer.weight
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    state = {k: v + 1 for k, v in layer.state_dict().items()}
    future.set_swap_module_params_on_conversion(True)
    layer.load_state_dict(state, assign=True)
    assert layer.weight is weight and weight.tolist() == [2.0, 2.0] and weight.requires_grad
    layer(torch.ones(3, 2)).sum().backward()
    optimizer.step()
    assert layer.bias.tolist() == [-2.0, -2.0]
    future.set_swap_module_params_on_conversion(False)
    layer.load_state_dict(state, assign=True)
    assert layer.weight is not weight


def test_a_parameter_made_anew_of_anothers_dict():
    """As libraries put a model on the meta device: their Parameter(p.to(device), **p.__dict__)."""
    weight = nn.Linear(2, 3).weight
    weight.sum().backward()
    state = weight.__dict__
    state["requires_grad"] = False
    empty = type(weight)(weight.to("meta"), **state)
    assert empty.is_meta and empty.shape == (3, 2)
    assert not empty.requires_grad and empty.grad is None
    assert weight.requires_grad and weight.grad.sum() == 6
    assert copy.deepcopy(weight).tolist() == weight.tolist()
    with pytest.raises(TypeError, match="unexpected keyword argument 'gold'"):
        nn.Parameter(weight, gold=1)
