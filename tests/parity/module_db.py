"""PyTorch's own table of modules and inputs (``common_modules.module_db``), asked of both.

``check`` compares one sample: repr, state, outputs, gradients to inputs and parameters, buffers
afterwards, and the same of a pickled copy; ``check_error`` one of the table's error inputs. As a
script it goes through everything, in float32 and float64, training and not::

    python -m tests.parity.module_db [--most 20] [name pattern ...]
"""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
import pickle
import re
import warnings

import numpy as np
import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import jaxtorch
from tests import oracle

MINE, THEIRS = oracle.Side(jaxtorch), oracle.Side(torch)
# What float32's sums differ by is bounded by the size of what was summed, not of the sum.
LIMITS = {torch.float64: (1e-9, 1e-10), torch.float32: (2e-4, 2e-5)}
# Log-likelihoods near 150 carry 1e-5 of error in float32, which exp turns into as much of 1.
LOOSER = {("nn.CTCLoss", torch.float32): (1e-3, 1e-4)}


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
        twin = getattr(jaxtorch.nn, type(value).__name__)
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return twin(**{name: translated(v, seen) for name, v in fields.items()})
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


def modes(info) -> tuple[bool, ...]:
    return (True, False) if info.train_and_eval_differ else (True,)


def samples(info, dtype, training: bool) -> list:
    torch.manual_seed(0)
    return info.module_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=True, training=training
    )


def made(info, given, dtype, training: bool) -> tuple:
    """The module of both libraries, from the same seed."""
    takes_dtype = "dtype" in info.module_cls.__init__.__code__.co_varnames
    kwargs = {**({"dtype": dtype} if takes_dtype else {}), **given.kwargs}
    torch.manual_seed(0)
    theirs = info.module_cls(*given.args, **kwargs).to(dtype).train(training)
    jaxtorch.manual_seed(0)
    cls = getattr(jaxtorch.nn, info.name.removeprefix("nn."))
    mine = cls(*translated(given.args), **translated(kwargs))
    return mine.to(translated(dtype)).train(training), theirs


def check(info, case, training: bool, dtype=torch.float64) -> None:
    given, call = case.constructor_input, case.forward_input
    limits = LOOSER.get((info.name, dtype), LIMITS[dtype])
    where = f"{given.args} {given.kwargs} {case.desc}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine, theirs = made(info, given, dtype, training)
        assert repr(mine) == repr(theirs)
        assert list(mine.state_dict()) == list(theirs.state_dict())
        if isinstance(theirs, torch.nn.modules.lazy.LazyModuleMixin):
            seeded(theirs, call, torch), seeded(mine, translated_call(call), jaxtorch)
            assert repr(mine) == repr(theirs)
            assert type(mine).__name__ == type(theirs).__name__
        mine.load_state_dict({k: translated(v) for k, v in theirs.state_dict().items()})
        if call is None:
            return
        copy = pickle.loads(pickle.dumps(mine))
        my_call = translated_call(call)
        expected = outputs(seeded(theirs, call, torch), torch)
        found = outputs(seeded(mine, my_call, jaxtorch), jaxtorch)
        agree(f"output {where}", found, expected, limits)
        compare_gradients(where, found, expected, mine, theirs, my_call[0], call.args, limits)
        for name, value in theirs.state_dict().items():
            agree(f"{name} {where}", [mine.state_dict()[name]], [value], limits)
        assert repr(copy) == repr(mine)
        again = outputs(seeded(copy, translated_call(call), jaxtorch), jaxtorch)
        agree(f"output of a pickled copy {where}", again, expected, limits)


def translated_call(call) -> tuple:
    return translated(call.args), translated(call.kwargs)


def seeded(module, call, library):
    library.manual_seed(1)
    args, kwargs = call if isinstance(call, tuple) else (call.args, call.kwargs)
    return module(*args, **kwargs)


def agree(where: str, found, expected, limits) -> None:
    mine, theirs = [MINE.read(x) for x in found], [THEIRS.read(x) for x in expected]
    oracle.agree_all(where, mine, theirs, limits if any("float" in k for k, _ in theirs) else None)


def error_cases(info) -> list:
    if info.module_error_inputs_func is None:
        return []
    torch.manual_seed(0)
    return list(
        info.module_error_inputs_func(
            info, device="cpu", dtype=torch.float64, requires_grad=True, training=True
        )
    )


def check_error(info, case) -> None:
    given, call = case.module_error_input.constructor_input, case.module_error_input.forward_input
    cls = getattr(jaxtorch.nn, info.name.removeprefix("nn."))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mine = cls(*translated(given.args), **translated(given.kwargs))
            if case.error_on is not ModuleErrorEnum.CONSTRUCTION_ERROR:
                args, kwargs = translated_call(call)
                [x.tolist() for x in outputs(mine(*args, **kwargs), jaxtorch)]
    except case.error_type as e:
        with warnings.catch_warnings():  # of the expression's own [[...]]
            warnings.simplefilter("ignore")
            fits = re.search(case.error_regex, str(e))
        assert fits, f"{e} instead of {case.error_regex}"
        return
    raise AssertionError(f"no {case.error_type.__name__} ({case.error_regex})")


def compare_gradients(where, found, expected, mine, theirs, my_args, their_args, limits) -> None:
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
            oracle.agree(f"gradient {i} {where}", a, b, limits)


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


def spread(cases: list, most: int) -> list:
    """At most ``most`` of the cases, evenly over all of them."""
    step = max(1, -(-len(cases) // most))
    return cases[::step]


def main() -> None:
    """Say what differs, module by module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("patterns", nargs="*", default=["*"], help="of modules' names")
    parser.add_argument("--most", type=int, default=10000, help="samples a module")
    options = parser.parse_args()
    for info in module_db:
        if not any(fnmatch.fnmatch(info.name, p) for p in options.patterns):
            continue
        tasks = [
            (check, info, case, training, dtype)
            for dtype in (torch.float64, torch.float32)
            for training in modes(info)
            for case in spread(samples(info, dtype, training), options.most)
        ]
        tasks += [(check_error, info, case) for case in error_cases(info)]
        wrong = []
        for task, *args in tasks:
            try:
                task(*args)
            except Exception as e:
                wrong.append(f"{task.__name__} {args[2:]}: {type(e).__name__}: {e}")
        print(f"{info.name}: {len(tasks) - len(wrong)} of {len(tasks)}", flush=True)
        for what in wrong:
            print("   ", re.sub(r"\s+", " ", what)[:400], flush=True)


if __name__ == "__main__":
    main()
