"""Tensor subclasses, duck types and modes: the __torch_function__ protocol."""

import copy

import pytest

import jaxtorch as torch
from jaxtorch import nn, overrides
from jaxtorch.overrides import TorchFunctionMode


class Plain(torch.Tensor):
    pass


class Logged(torch.Tensor):
    calls: list = []

    @staticmethod
    def __new__(cls, data, note=None):
        return super().__new__(cls, data)

    def __init__(self, data, note=None):
        self.note = note

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.calls.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs)


class Duck:
    def __init__(self, value):
        self.value = value

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is torch.exp:
            return NotImplemented
        plain = [a.value if isinstance(a, Duck) else a for a in args]
        return Duck(func(*plain, **(kwargs or {})))


def test_results_have_the_class_of_the_subclass():
    x = torch.tensor([1.0, 2.0]).as_subclass(Plain)
    made = [
        x + 1, 1 * x, torch.add(x, 1), x.sum(), x[0], x.detach(), torch.cat([x, x]), -x,
        torch.ones(2) + x, *x.max(0), nn.functional.softmax(x, 0), x.reshape(2, 1).T,
    ]  # fmt: skip
    assert [type(t) for t in made] == [Plain] * len(made)
    assert repr(x) == "Plain([1., 2.])" and Plain([3.0]).tolist() == [3]
    assert type(x.jax()) is type(torch.ones(1).jax()) and type(copy.deepcopy(x)) is Plain
    x.add_(1)
    assert type(x) is Plain and x.tolist() == [2, 3]


def test_a_subclass_shares_value_and_history():
    base = torch.ones(2, requires_grad=True)
    x = base.as_subclass(Plain)
    (x * x).sum().backward()
    assert base.grad.tolist() == [2, 2]
    leaf = torch.Tensor._make_subclass(Plain, torch.ones(2), True)
    assert leaf.is_leaf and leaf.requires_grad
    (leaf * 3).sum().backward()
    assert leaf.grad.tolist() == [3, 3]
    plain = torch.zeros(2)
    plain.as_subclass(Plain)[0] = 5
    assert plain.tolist() == [5, 0]


def test_a_subclass_sees_the_functions():
    x = Logged([1.0, 2.0], note="mine")
    assert x.note == "mine" and isinstance(x, torch.Tensor)
    Logged.calls.clear()
    y = torch.add(x, 2, alpha=3)
    assert type(y) is Logged and y.tolist() == [7, 8]
    x.sum(0), torch.stack([x, x]), torch.ones(2) * x, nn.functional.relu(x)
    assert Logged.calls == ["add", "sum", "stack", "mul", "relu"]


def test_ducks_take_functions_over():
    duck = Duck(torch.tensor([1.0, 4.0]))
    assert torch.sqrt(duck).value.tolist() == [1, 2]
    assert torch.add(torch.ones(2), duck).value.tolist() == [2, 5]
    assert (torch.ones(2) + duck).value.tolist() == [2, 5]
    assert nn.functional.linear(duck, torch.ones(1, 2)).value.tolist() == [5]
    with pytest.raises(TypeError, match="Multiple dispatch failed for 'torch.exp'"):
        torch.exp(duck)
    with pytest.raises(TypeError, match="must be Tensor, not str"):
        torch.exp("duck")


class Counting(TorchFunctionMode):
    def __init__(self):
        self.names = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.names.append(func.__name__)
        return func(*args, **(kwargs or {}))


def test_modes_see_every_op():
    x = torch.ones(2)
    with Counting() as outer, Counting() as inner:
        y = (x + 1).exp().sum()
    assert inner.names == outer.names == ["add", "exp", "sum"]
    assert y.item() == pytest.approx(14.778112)
    x * 2
    assert len(inner.names) == 3, "it is off"


def test_what_can_be_asked():
    duck, sub, plain = Duck(1), Logged([1.0]), torch.ones(1)
    assert overrides.has_torch_function((plain, duck)) and overrides.has_torch_function((sub,))
    assert not overrides.has_torch_function((plain, 3, nn.Parameter(plain)))
    assert [overrides.is_tensor_like(x) for x in (duck, sub, plain, 3)] == [True] * 3 + [False]
    assert overrides.resolve_name(torch.add) == "torch.add"
    assert overrides.resolve_name(nn.functional.linear) == "torch.nn.functional.linear"
    asking = overrides.get_overridable_functions()
    assert torch.add in asking[torch] and torch.Tensor.add in asking[torch.Tensor]

    def mine(x):
        if overrides.has_torch_function_unary(x):
            return overrides.handle_torch_function(mine, (x,), x)
        return x * 2

    assert mine(duck).value == 2
    doubled = overrides.wrap_torch_function(lambda x: (x,))(lambda x: x * 2)
    assert doubled(duck).value == 2 and doubled(plain).item() == 2


def test_the_few_names_of_the_core():
    assert torch._C._get_tracing_state() is None
    assert isinstance(torch.Tensor, torch._C._TensorMeta)
    assert nn.Parameter.__torch_function__ is torch._C._disabled_torch_function_impl
    device, dtype, non_blocking, layout = torch._C._nn._parse_to("cpu", torch.float64)
    assert (str(device), dtype, non_blocking, layout) == ("cpu", torch.float64, False, None)
    assert torch._C._nn._parse_to(torch.int32)[:2] == (None, torch.int32)
    with pytest.raises(AttributeError, match="torch._C._jit_get_operation is of PyTorch's C"):
        torch._C._jit_get_operation("x")
    x = torch.ones(1).as_subclass(Plain)
    with torch._C.DisableTorchFunctionSubclass():
        assert type(x + 1) is torch.Tensor


def test_methods_that_are_no_ops_are_seen_by_name():
    """What a subclass is asked is the method that was called, not what it is made of."""
    asked = []

    class Asked(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            asked.append(func)
            return super().__torch_function__(func, types, args, kwargs or {})

    x = torch.arange(6.0).reshape(2, 3).clone().as_subclass(Asked)
    T = torch.Tensor
    calls = [
        (lambda: x[0], T.__getitem__), (lambda: x.__setitem__(0, 1), T.__setitem__),
        (lambda: x.to(torch.int32), T.to), (lambda: x.clone(), T.clone),
        (lambda: x.detach(), T.detach), (lambda: x.view(-1), T.view), (lambda: x.add_(1), T.add_),
        (lambda: x.new_zeros(2), T.new_zeros), (lambda: x.add(1), T.add),
        (lambda: torch.zeros_like(x), torch.zeros_like), (lambda: x.max(0), T.max),
        (lambda: torch.rand_like(x), torch.rand_like),
    ]  # fmt: skip
    for call, function in calls:
        asked.clear()
        result = call()
        assert asked == [function], function
        assert result is None or type(result[0] if isinstance(result, tuple) else result) is Asked
    asked.clear()
    x += 1
    assert asked == [T.add_] and T.__getitem__.__name__ == "__getitem__"


def test_a_class_of_its_own_may_have_a_plain_method():
    class Other:
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return func.__name__, args[0] is self

    assert torch.add(Other(), 1) == ("add", True)


def test_operators_that_nobody_takes():
    class Silent(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return NotImplemented

    x = torch.ones(2).as_subclass(Silent)
    with pytest.raises(TypeError, match="unsupported operand type.s. for .: 'Silent' and 'int'"):
        x + 1
    with pytest.raises(TypeError, match="Multiple dispatch failed for 'torch.add'"):
        torch.add(x, 1)


def test_a_mode_sees_what_makes_tensors():
    class Ones(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if func is torch.zeros:
                func = torch.ones
            seen.append(func)
            return func(*args, **(kwargs or {}))

    seen = []
    with Ones():
        x = torch.zeros(2)
        torch.tensor([1.0]), torch.arange(3), torch.rand(2), torch.zeros_like(x)
    assert x.tolist() == [1, 1] and torch.zeros(2).tolist() == [0, 0]
    assert seen == [torch.ones, torch.tensor, torch.arange, torch.rand, torch.zeros_like]
