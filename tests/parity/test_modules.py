"""Every module of PyTorch's own table; ``module_db.py`` has the comparison."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.testing._internal.common_modules import module_db  # noqa: E402

from tests.parity.module_db import check, check_error, error_cases, modes, samples, spread  # noqa: E402

CASES = [
    pytest.param(info, training, id=f"{info.name}-{training}")
    for info in module_db
    for training in modes(info)
]


@pytest.mark.parametrize(("info", "training"), CASES)
def test_module(info, training):
    """Some modules have hundreds: ``python -m tests.parity.module_db`` takes them all."""
    for case in spread(samples(info, torch.float64, training), 40):
        check(info, case, training)


@pytest.mark.parametrize(("info", "training"), CASES)
def test_single_precision(info, training):
    for case in samples(info, torch.float32, training)[:1]:
        check(info, case, training, torch.float32)


@pytest.mark.parametrize(
    "info", [i for i in module_db if i.module_error_inputs_func], ids=lambda info: info.name
)
def test_errors(info):
    for case in error_cases(info):
        check_error(info, case)
