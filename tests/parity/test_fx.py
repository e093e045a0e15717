"""``torch.fx`` beside real torch: the stored answers are its own, each function of nn.functional is
recorded as there, and files are read on both sides."""

import inspect
import io
import json
import types

import pytest

import jaxtorch
from tests.fx.programs import PROGRAMS, answer, close, traced
from tests.oracle import REFERENCE

torch = pytest.importorskip("torch")

STORED = json.loads((REFERENCE / "fx.json").read_text())
# Of nn.functional: no functions of tensors, or another function by an old name.
OTHERS = {
    "assert_int_or_pair", "boolean_dispatch", "scaled_grouped_mm", "scaled_mm", "upsample",
    "upsample_bilinear", "upsample_nearest",
}  # fmt: skip
# PyTorch hands these on by an inner name, or in another order than that of its signature.
NAMED_OTHERWISE = {"grouped_mm", "multi_head_attention_forward", "threshold"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_the_stored_answers_are_torchs(program):
    assert answer(torch, program) == STORED[program.__name__]


def functions():
    for name in sorted(dir(torch.nn.functional)):
        function = getattr(torch.nn.functional, name)
        if name[0] == "_" or name in OTHERS or not isinstance(function, types.FunctionType):
            continue
        if function.__module__ in ("torch.nn.functional", "torch._jit_internal"):
            yield name, max(_required(function), 1 + ("pool" in name and "avg" not in name))


def _required(function) -> int:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    parameters = inspect.signature(function).parameters.values()
    return sum(p.default is p.empty and p.kind in kinds for p in parameters)


def recorded(library, name: str, count: int) -> list[str]:
    graph = library.fx.Graph()
    tracer = library.fx.proxy.GraphAppendingTracer(graph)
    given = [library.fx.Proxy(graph.placeholder(f"a{i}"), tracer) for i in range(count)]
    getattr(library.nn.functional, name)(*given)
    return [node.format_node() for node in graph.nodes]


@pytest.mark.parametrize(("name", "count"), list(functions()))
def test_a_function_is_recorded_as_in_torch(name, count):
    if name in NAMED_OTHERWISE:
        assert name in recorded(jaxtorch, name, count)[-1]
    else:
        assert recorded(jaxtorch, name, count) == recorded(torch, name, count)


@pytest.mark.parametrize(("writer", "reader"), [(jaxtorch, torch), (torch, jaxtorch)])
def test_files_are_read_on_both_sides(writer, reader):
    written = traced(writer)
    file = io.BytesIO()
    writer.save(written, file)
    file.seek(0)
    read = reader.load(file, weights_only=False)
    assert read.code == written.code
    mine, theirs = written(writer.ones(4, 3))["z"], read(reader.ones(4, 3))["z"]
    assert close(mine.detach().numpy(), theirs.detach().numpy())
