"""Data loading beside PyTorch's own: orders, batches, errors."""

from __future__ import annotations

import re

import numpy as np
import pytest

import jaxtorch
import jaxtorch.utils.data
from tests.reference import data_orders
from tests.samples import Pair

torch = pytest.importorskip("torch")
pytest.importorskip("torch.utils.data")


@pytest.mark.parametrize("name", data_orders.cases(jaxtorch))
def test_orders_and_what_is_left_in_the_generator(name):
    ours, theirs = (
        data_orders.answer(module, data_orders.cases(module)[name]) for module in (jaxtorch, torch)
    )
    assert ours == theirs


def plain(batch):
    if hasattr(batch, "dtype") and hasattr(batch, "tolist") and not isinstance(batch, np.ndarray):
        return str(batch.dtype), tuple(batch.shape), batch.tolist()
    if isinstance(batch, dict):
        return {key: plain(value) for key, value in batch.items()}
    if isinstance(batch, tuple | list):
        return type(batch).__name__, [plain(item) for item in batch]
    return type(batch).__name__, batch


BATCHES = {
    "ints": [1, 2],
    "floats": [1.0, 2.5],
    "ints and floats": [1, 2.5],
    "bools": [True, False],
    "numpy scalars": [np.float32(1), np.float32(2)],
    "numpy doubles": [np.float64(1), np.float64(2)],
    "numpy ints": [np.int16(1), np.int16(2)],
    "arrays": [np.zeros((2, 1), np.uint8)] * 3,
    "arrays without dimensions": [np.array(1.5), np.array(2.5)],
    "text": ["a", "b"],
    "tuples": [(1, "a", 2.0), (3, "b", 4.0)],
    "lists": [[1, [2.0]], [3, [4.0]]],
    "dicts": [{"x": 1, "y": {"z": (1,)}}] * 2,
    "named": [Pair(1, np.ones(2, np.float32))] * 2,
    "mixed lengths": [[1], [1, 2]],
    "objects": [object()],
    "none": [None],
    "text arrays": [np.array(["a"])],
}


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("function", ["default_collate", "default_convert"])
def test_batches(name, function):
    answers = []
    for module in (jaxtorch, torch):
        try:
            answers.append(plain(getattr(module.utils.data, function)(BATCHES[name])))
        except Exception as error:
            answers.append((type(error), str(error)))
    if name == "objects" and function == "default_convert":
        assert answers[0][0] == answers[1][0] == "list"
    else:
        assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": -1}, {"timeout": -1}, {"prefetch_factor": 2},
        {"persistent_workers": True}, {"sampler": [0], "shuffle": True},
        {"batch_sampler": [[0]], "batch_size": 2}, {"batch_size": None, "drop_last": True},
        {"batch_size": 0}, {"multiprocessing_context": "spawn"}, {"batch_size": True},
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(options):
    texts = []
    for module in (jaxtorch, torch):
        with pytest.raises(ValueError) as caught:
            module.utils.data.DataLoader([1, 2], **options)
        texts.append(re.sub(r"\s+", " ", str(caught.value)))
    assert texts[0] == texts[1]
