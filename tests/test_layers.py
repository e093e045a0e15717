"""The architecture, held: imports point downwards, and every op has one home."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "jaxtorch").rglob("*.py"))

# From the ground up. A module may import from its own layer and from those above it in this list.
LAYERS = [
    # what a value is; what belongs to no layer because it knows nothing of Tensors
    "version torch_version exceptions left_out layouts futures symbolic __future__ onnx "
    "quantization ao",
    "size dtypes return_types devices children multiprocessing printing _tensor_str utils.hooks",
    "mersenne draws rejection box_muller random",
    "engine",
    "ops._overrides",
    "ops._op ops._wrapper ops._dispatch ops._typing ops._result_type ops._promote ops._dims",
    "ops",
    "_operators _methods",
    "backward_names saved_names saved_tensors gradfn _queries outputs places tensor _functions "
    "_inplace _foreach storage _utils",
    "overrides _C profiler settings streams introspection assertions types __config__ "
    "_absent_device xpu mtia",
    "distributed functional",
    "testing",
    "anomaly autograd func control_flow compiling legacy cuda cpu mps accelerator serialization "
    "hub linalg fft special masked signal sparse backends",
    "nn._reduction nn.functional nn.init nn.parameter",
    "distributions quasirandom",
    "nn.utils nn.modules nn.attention nn.grad nn nn.parallel "
    "interop.flax jit compiled compiler _dynamo summary",
    "optim",
    "amp cuda.amp cpu.amp functorch nn.attention.flex_attention",
    "interop",
    "utils",
    "fx",
    "distributed.algorithms._checkpoint",
    "alias",
    "(package) __main__",
]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "jaxtorch").with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) or "(package)"


MODULES = {name_of(path) for path in FILES}


def layer_of(module: str) -> int:
    """The layer that names the module or, most closely, a package around it."""
    places = {name: i for i, names in enumerate(LAYERS) for name in names.split()}
    while module not in places:
        assert "." in module, f"{module} has no place in LAYERS: where does it belong?"
        module = module.rpartition(".")[0]
    return places[module]


def imports_at_module_level(tree: ast.Module):
    """(line, module) of what is imported when the file is: not in functions, not for types only."""
    pending: list[ast.stmt] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            pending += [
                child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)
            ]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                pending = [other for other in pending if other not in node.body]
            continue
        for name in names:
            package, _, inner = name.partition(".")
            if package == "jaxtorch":
                while inner and inner not in MODULES:  # an attribute of a module
                    inner = inner.rpartition(".")[0]
                yield node.lineno, inner or "(package)"


@pytest.mark.parametrize("path", FILES, ids=[name_of(path) for path in FILES])
def test_imports_point_downwards(path):
    here = layer_of(name_of(path))
    tree = ast.parse(path.read_text())
    upwards = [
        (line, name) for line, name in imports_at_module_level(tree) if layer_of(name) > here
    ]
    assert not upwards, f"{path}: layer {here} imports from above: {upwards}"


NAMESPACES = ("linalg", "fft", "special", "masked", "signal", "aten")


def test_every_public_op_has_exactly_one_def():
    """One for each name that users know: torch.norm and torch.linalg.norm are two functions."""
    homes = Counter()
    for path in (ROOT / "jaxtorch/ops").rglob("[!_]*.py"):
        name = path.relative_to(ROOT / "jaxtorch/ops").parts[0].removesuffix(".py")
        namespace = name if name in NAMESPACES else "torch"
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                homes[namespace, node.name] += 1
    assert not [name for name, count in homes.items() if count > 1]


def test_files_stay_readable():
    lengths = sorted(len(path.read_text().splitlines()) for path in FILES)
    assert lengths[-1] <= 600
    assert lengths[len(lengths) // 2] <= 200


def test_no_file_is_named_for_nothing():
    assert not {"utils", "helpers", "common", "misc"} & {path.stem for path in FILES}
