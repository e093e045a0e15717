"""Every public op has a row in some table, under one of its names."""

import importlib
import inspect
from pathlib import Path

import jaxtorch
from jaxtorch.nn import functional
from tests import stored
from tests.oracle import REFERENCE, Side

ROOT = Path(__file__).parent
# Ops whose tests are no rows: results drawn at random, or made from something that is no tensor.
TABLE = "= oracle.tests(__file__, ROWS)"  # the line that makes tests of a table
TESTED_ELSEWHERE = {
    "ops.sampling": "test_random.py",
    "ops.data": "test_dtypes.py, test_tiny.py",
    "ops.dropout": "test_random.py",
    "ops.random_activation": "ops/test_random_activation.py",
    "ops.multihead": "nn/test_layers.py, parity/test_modules.py",
}
# Written in place or made of nothing, so that no row can hold their argument or their values.
NO_ROW = {
    "Tensor.__setitem__": "test_views.py",
    "Tensor.copy_": "ops/test_conversion.py",
    "Tensor.fill_": "ops/test_conversion.py",
    "Tensor.zero_": "ops/test_conversion.py",
    "Tensor.apply_": "ops/test_copies.py",
    "Tensor.dim_order": "ops/test_copies.py",
    "Tensor.is_set_to": "ops/test_copies.py",
    "Tensor.map2_": "ops/test_copies.py",
    "Tensor.map_": "ops/test_copies.py",
    "Tensor.new": "ops/test_copies.py",
    "Tensor.resize": "ops/test_copies.py",
    "Tensor.resize_as": "ops/test_copies.py",
    "Tensor.resize_as_": "ops/test_copies.py",
    "Tensor.set_": "ops/test_copies.py",
    "alpha_dropout_": "ops/test_dropout.py",
    "dropout_": "ops/test_dropout.py",
    "embedding_renorm_": "ops/test_embedding.py",
    "feature_alpha_dropout_": "ops/test_dropout.py",
    "feature_dropout_": "ops/test_dropout.py",
    "native_dropout": "ops/test_dropout.py",
    "Tensor.cuda": "ops/test_conversion.py",
    "Tensor.new_empty": "ops/test_creation.py (new_zeros)",
    "Tensor.new_empty_strided": "ops/test_creation.py (new_zeros)",
    "empty_like": "ops/test_creation.py (zeros_like)",
    "empty_permuted": "ops/test_creation.py (zeros)",
    "empty_strided": "ops/test_creation.py (zeros)",
    "pca_lowrank": "ops/test_decompositions.py",
    "svd_lowrank": "ops/test_decompositions.py",
    "nn.functional.upsample": "ops/test_vision.py (interpolate)",
    "nn.functional.upsample_bilinear": "ops/test_vision.py (interpolate)",
    "nn.functional.upsample_nearest": "ops/test_vision.py (interpolate)",
}


def tables():
    for path in sorted(ROOT.rglob("test_*.py")):
        if TABLE in path.read_text() and path != Path(__file__):
            name = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
            yield path.stem, importlib.import_module(name).ROWS


def home(function):
    """The function as it was written: aliases, methods and operators lead to the same one."""
    return getattr(function, "body", None) or inspect.unwrap(function)


def public():
    """(torch path, function) of everything public that is defined in ops/."""
    windows = {
        "": jaxtorch, "linalg.": jaxtorch.linalg, "fft.": jaxtorch.fft,
        "special.": jaxtorch.special, "nn.functional.": functional, "Tensor.": jaxtorch.Tensor,
        "masked.": jaxtorch.masked, "signal.windows.": jaxtorch.signal.windows,
    }  # fmt: skip
    for prefix, window in windows.items():
        for name in dir(window):
            function = getattr(window, name)
            if inspect.isfunction(function) and not (name[0] == "_" != name[-1]):
                module = home(function).__module__.removeprefix("jaxtorch.")
                if module.startswith("ops.") and module not in TESTED_ELSEWHERE:
                    yield prefix + name, function


def by_its_plain_form(side, name, covered) -> bool:
    """A row of ``f`` asks for the method ``f_`` as well."""
    plain = name.removesuffix("_")
    return plain != name and side.has(plain) and home(side.find(plain)) in covered


def test_every_public_op_has_a_row():
    side = Side(jaxtorch)
    covered = {home(side.find(row.name)) for _, rows in tables() for row in rows}
    covered |= {home(side.find(name)) for name in NO_ROW}
    missing = sorted(
        name for name, function in public()
        if home(function) not in covered and not by_its_plain_form(side, name, covered)
    )  # fmt: skip
    assert not missing, f"no row for {missing}"


def test_every_row_has_its_stored_answer():
    """Run ``python tests/reference/make.py`` after a row was added or changed."""
    for file, rows in tables():
        answers = stored.load(REFERENCE, file)
        missing = [str(row) for row in rows if row.error is None and str(row) not in answers]
        assert not missing, f"{file}: {missing}"
