"""PyTorch's own table of modules and inputs (``common_modules.module_db``), asked of both."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.testing._internal.common_modules import module_db  # noqa: E402

import jaxtorch  # noqa: E402
from tests import oracle  # noqa: E402

MINE, THEIRS = oracle.Side(jaxtorch), oracle.Side(torch)
# Lazy layers have a program of their own (tests/nn/programs.py); the others are not there yet.
MISSING = {m.name for m in module_db if m.name.startswith("nn.Lazy")} | {
    "nn.CTCLoss", "nn.FractionalMaxPool2d", "nn.FractionalMaxPool3d", "nn.LinearCrossEntropyLoss",
}  # fmt: skip


def translated(value, seen: dict | None = None):
    """Arguments for torch as the same arguments for jaxtorch; one tensor given twice stays one."""
    seen = {} if seen is None else seen
    if isinstance(value, torch.Tensor):
        if id(value) not in seen:
            seen[id(value)] = _translated(value, seen)
        return seen[id(value)]
    return _translated(value, seen)


def _translated(value, seen: dict):
    if isinstance(value, torch.nn.Parameter):
        return jaxtorch.nn.Parameter(translated(value.detach()), value.requires_grad)
    if isinstance(value, torch.Tensor):
        array = value.detach().numpy().copy()
        return MINE.tensor(array, value.requires_grad)
    if isinstance(value, torch.dtype):
        return getattr(jaxtorch, str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return jaxtorch.device(str(value))
    if isinstance(value, torch.nn.Module):
        return rebuilt(value)
    if callable(value) and getattr(value, "__name__", "") in ("relu", "gelu"):
        return getattr(jaxtorch.nn.functional, value.__name__)
    if isinstance(value, list | tuple):
        return type(value)(translated(v, seen) for v in value)
    if isinstance(value, dict):
        return {k: translated(v, seen) for k, v in value.items()}
    if dataclasses.is_dataclass(value):
        raise pytest.skip.Exception(f"no twin of {type(value)}")
    return value


def rebuilt(module):
    """A torch layer given as an argument to another: the same one here, with its values."""
    twin = eval(repr_as_call(module), {"nn": jaxtorch.nn})
    twin.load_state_dict({k: translated(v) for k, v in module.state_dict().items()})
    return twin


def repr_as_call(module) -> str:
    if type(module) in (torch.nn.TransformerEncoderLayer, torch.nn.TransformerDecoderLayer):
        attention, linear = module.self_attn, module.linear1
        return (
            f"nn.{type(module).__name__}({attention.embed_dim}, {attention.num_heads}, "
            f"{linear.out_features}, {module.dropout.p}, batch_first={attention.batch_first}, "
            f"norm_first={module.norm_first}, bias={linear.bias is not None}, "
            f"activation={module.activation.__name__!r}).double()"
        )
    return f"nn.{module!r}"


def cases():
    for info in module_db:
        if info.name not in MISSING:
            for training in (True, False) if info.train_and_eval_differ else (True,):
                yield pytest.param(info, training, id=f"{info.name}-{training}")


@pytest.mark.parametrize(("info", "training"), list(cases()))
def test_module(info, training):
    torch.manual_seed(0)
    inputs = info.module_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=True, training=training
    )
    for case in inputs:
        check(info, case, training)


def check(info, case, training: bool) -> None:
    given, call = case.constructor_input, case.forward_input
    takes_dtype = "dtype" in info.module_cls.__init__.__code__.co_varnames
    made = {"dtype": torch.float64} if takes_dtype else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        theirs = info.module_cls(*given.args, **{**made, **given.kwargs}).double().train(training)
        jaxtorch.manual_seed(0)
        cls = getattr(jaxtorch.nn, info.name.removeprefix("nn."))
        mine = cls(*translated(given.args), **translated({**made, **given.kwargs}))
        mine = mine.double().train(training)
        assert repr(mine) == repr(theirs)
        assert list(mine.state_dict()) == list(theirs.state_dict())
        mine.load_state_dict({k: translated(v) for k, v in theirs.state_dict().items()})
        if call is None:
            return
        their_args, their_kwargs = call.args, call.kwargs
        my_args, my_kwargs = translated(their_args), translated(their_kwargs)
        expected = outputs(theirs(*their_args, **their_kwargs), torch)
        found = outputs(mine(*my_args, **my_kwargs), jaxtorch)
        where = f"{given.args} {given.kwargs} {case.desc}"
        oracle.agree_all(
            f"output {where}", [MINE.read(x) for x in found], [THEIRS.read(x) for x in expected]
        )
        compare_gradients(where, found, expected, mine, theirs, my_args, their_args)
        for name, value in theirs.state_dict().items():
            oracle.agree(f"{name} {where}", MINE.read(mine.state_dict()[name]), THEIRS.read(value))


def compare_gradients(where, found, expected, mine, theirs, my_args, their_args) -> None:
    leaves = [
        [*leaves_of(args, library), *module.parameters()]
        for args, library, module in ((my_args, jaxtorch, mine), (their_args, torch, theirs))
    ]
    sides = [(MINE, found, leaves[0]), (THEIRS, expected, leaves[1])]
    grads = [side.gradients(outs, inputs, 0) for side, outs, inputs in sides]
    read = [
        [None if g is None else side.read(g) for g in some]
        for side, some in zip((MINE, THEIRS), grads, strict=True)
    ]
    for i, (a, b) in enumerate(zip(*read, strict=True)):
        if a is None and b is not None:
            assert not np.any(b[1]), f"gradient {i} {where}"
        else:
            oracle.agree(f"gradient {i} {where}", a, b, (1e-9, 1e-10))


def outputs(value, library) -> list:
    if isinstance(value, library.Tensor):
        return [value]
    return [x for part in value if part is not None for x in outputs(part, library)]


def leaves_of(value, library) -> list:
    if isinstance(value, library.Tensor):
        return [value] if value.requires_grad else []
    if isinstance(value, list | tuple):
        return [x for part in value for x in leaves_of(part, library)]
    return []
