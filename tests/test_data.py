"""Loading data: what comes, in which order, and how. (Workers: test_data_workers.py.)"""

from __future__ import annotations

import json
import warnings
from collections import OrderedDict, UserDict

import numpy as np
import pytest

import jaxtorch as torch
from jaxtorch.utils import data
from tests import samples
from tests.reference import data_orders

EXPECTED = json.loads(data_orders.STORED.read_text())


@pytest.mark.parametrize("name", data_orders.cases(torch))
def test_the_order_for_a_seed_is_pytorchs(name):
    case = data_orders.cases(torch)[name]
    assert data_orders.answer(torch, case) == EXPECTED[name]


# -- collating --------------------------------------------------------------------------------


def plain(x):
    """A batch as types and lists, to be compared."""
    if isinstance(x, torch.Tensor):
        return str(x.dtype), x.tolist()
    if isinstance(x, dict | UserDict):
        return type(x).__name__, {key: plain(value) for key, value in x.items()}
    if isinstance(x, tuple | list):
        return type(x).__name__, [plain(item) for item in x]
    return type(x).__name__, x


@pytest.mark.parametrize(
    "batch, expected",
    [
        ([1, 2], ("torch.int64", [1, 2])),
        ([1.5, 2], ("torch.float64", [1.5, 2.0])),
        ([1, 2.5], ("torch.float32", [1.0, 2.5])),
        ([True, False], ("torch.bool", [True, False])),
        (["a", "b"], ("list", [("str", "a"), ("str", "b")])),
        ([b"a"], ("list", [("bytes", b"a")])),
        ([np.float32(1), np.float32(2)], ("torch.float32", [1.0, 2.0])),
        ([np.bool_(True)], ("torch.bool", [True])),
        ([np.ones(2, np.int16), np.zeros(2, np.int16)], ("torch.int16", [[1, 1], [0, 0]])),
        ([np.ones((), np.uint8)], ("torch.uint8", [1])),
        ([(1, 2.0), (3, 4.0)], ("list", [("torch.int64", [1, 3]), ("torch.float64", [2.0, 4.0])])),
        ([[1, "x"]], ("list", [("torch.int64", [1]), ("tuple", [("str", "x")])])),
        ([{"a": 1}, {"a": 2}], ("dict", {"a": ("torch.int64", [1, 2])})),
        ([OrderedDict(a=1)], ("OrderedDict", {"a": ("torch.int64", [1])})),
        ([UserDict(a=1)], ("UserDict", {"a": ("torch.int64", [1])})),
        (
            [samples.Pair(1, 2), samples.Pair(3, 4)],
            ("Pair", [("torch.int64", [1, 3]), ("torch.int64", [2, 4])]),
        ),
    ],
)
def test_default_collate(batch, expected):
    assert plain(data.default_collate(batch)) == expected


def test_default_collate_of_tensors():
    x = torch.arange(6.0).reshape(3, 2)
    assert data.default_collate(list(x)).tolist() == x.tolist()
    w = torch.ones(2, requires_grad=True)
    y = data.default_collate([w * 1, w * 2])
    y.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]
    assert data.default_collate([torch.ones(1), torch.ones(1).long()]).dtype is torch.float32


@pytest.mark.parametrize(
    "batch, error, text",
    [
        (
            [object()],
            TypeError,
            "batch must contain tensors, numpy arrays, numbers, dicts or lists",
        ),
        ([np.array(["a"])], TypeError, "found <U1"),
        ([[1], [1, 2]], RuntimeError, "each element in list of batch should be of equal size"),
        ([np.ones(2), np.ones(3)], RuntimeError, r"got \[2\] at entry 0 and \[3\] at entry 1"),
        ([None], TypeError, "found <class 'NoneType'>"),
    ],
)
def test_default_collate_says_what_it_cannot_do(batch, error, text):
    with pytest.raises(error, match=text):
        data.default_collate(batch)


def test_default_convert():
    point = samples.Pair(np.array(1), np.ones(2, np.float32))
    assert plain(data.default_convert(point)) == (
        "Pair",
        [("torch.int64", 1), ("torch.float32", [1.0, 1.0])],
    )
    assert plain(data.default_convert([(np.array([1]), "a"), 3])) == (
        "list",
        [("list", [("torch.int64", [1]), ("str", "a")]), ("int", 3)],
    )
    given = np.zeros(3, np.float32)
    kept = data.default_convert(given)
    given[:] = 7
    assert kept.tolist() == [0, 0, 0]


def test_collate_takes_functions_for_types_of_ones_own():
    from jaxtorch.utils.data.collate import collate, default_collate_fn_map

    own = {samples.Pair: lambda batch, *, collate_fn_map=None: sum(p.value for p in batch)}
    batch = [{"p": samples.Pair(1, 0)}, {"p": samples.Pair(2, 0)}]
    assert collate(batch, collate_fn_map={**own, **default_collate_fn_map}) == {"p": 3}


# -- datasets ---------------------------------------------------------------------------------


def tensors(n=10):
    return torch.arange(n * 3).reshape(n, 3).float(), torch.arange(n)


def test_tensor_dataset():
    x, y = tensors()
    dataset = data.TensorDataset(x, y)
    assert len(dataset) == 10 and [part.tolist() for part in dataset[2]] == [[6, 7, 8], 2]
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        data.TensorDataset(x, y[:4])


def test_a_gathered_batch_equals_one_made_of_samples():
    x, y = tensors()

    class Plain(data.TensorDataset):
        def __getitem__(self, i):
            return tuple(tensor[i] for tensor in self.tensors)

    for wrap in (lambda d: d, lambda d: data.Subset(d, [9, 0, -1, 3, 3, 8])):
        fast, slow = (data.DataLoader(wrap(kind(x, y)), 4) for kind in (data.TensorDataset, Plain))
        assert [plain(batch) for batch in fast] == [plain(batch) for batch in slow]


def test_a_gathered_batch_carries_gradients_if_the_tensors_do():
    x = torch.arange(6.0).requires_grad_()
    (batch,) = next(iter(data.DataLoader(data.TensorDataset(x), 3)))
    batch.sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 0, 0, 0]


def test_a_gathered_batch_does_not_follow_later_writes():
    x = torch.zeros(4, 2)
    (batch,) = next(iter(data.DataLoader(data.TensorDataset(x), 4)))
    x.fill_(1)
    assert batch.sum().item() == 0
    assert next(iter(data.DataLoader(data.TensorDataset(x), 4)))[0].sum().item() == 8


def test_an_index_outside_raises():
    x, y = tensors()
    with pytest.raises(IndexError, match="index 10 is out of bounds for dimension 0 with size 10"):
        next(iter(data.DataLoader(data.TensorDataset(x, y), sampler=[10])))


def test_stack_concat_chain_and_subset():
    a, b = samples.Failing(3), samples.Failing(3)
    assert data.StackDataset(a, b)[1] == (1, 1)
    assert data.StackDataset(a, b).__getitems__([0, 2]) == [(0, 0), (2, 2)]
    assert data.StackDataset(x=a, y=b).__getitems__([2]) == [{"x": 2, "y": 2}]
    both = a + samples.Failing(4)
    assert len(both) == 7 and [both[i] for i in (0, 2, 3, 6, -1)] == [0, 2, 0, 3, 3]
    assert both.cumulative_sizes == [3, 7]
    chain = samples.Stream(2, length=2) + samples.Stream(3, length=3)
    assert list(chain) == [0, 1, 0, 1, 2] and len(chain) == 5
    subset = data.Subset(both, [6, 0])
    assert len(subset) == 2 and subset[0] == 3 and subset.__getitems__([1, 0]) == [0, 3]


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: data.StackDataset(), ValueError, "At least one dataset"),
        (lambda: data.StackDataset([1], x=[2]), ValueError, "both types are given"),
        (lambda: data.StackDataset([1], [1, 2]), ValueError, "Size mismatch between datasets"),
        (lambda: data.ConcatDataset([]), AssertionError, "should not be an empty iterable"),
        (lambda: data.ConcatDataset([samples.Stream(1)]), AssertionError, "not support Iterable"),
        (lambda: data.ConcatDataset([[1]])[-2], ValueError, "absolute value of index"),
        (lambda: list(data.ChainDataset([[1]])), AssertionError, "only supports IterableDataset"),
        (lambda: data.Dataset()[0], NotImplementedError, "should implement __getitem__"),
        (lambda: data.random_split([1, 2], [1, 2]), ValueError, "Sum of input lengths"),
        (lambda: data.random_split([1, 2], [1.5, -0.5]), ValueError, "index 0 is not between"),
        (lambda: data.RandomSampler([]), ValueError, "got num_samples=0"),
        (lambda: data.RandomSampler([1], replacement=1), TypeError, "got replacement=1"),
        (lambda: data.WeightedRandomSampler([1.0], 0), ValueError, "got num_samples=0"),
        (lambda: data.WeightedRandomSampler([[1.0]], 1), ValueError, r"have shape \(1, 1\)"),
        (lambda: data.BatchSampler([1], 0, False), ValueError, "got batch_size=0"),
        (lambda: data.BatchSampler([1], 1, 0), ValueError, "got drop_last=0"),
        (lambda: data.DistributedSampler([1], 2, 2), ValueError, r"in the interval \[0, 1\]"),
    ],
)
def test_datasets_and_samplers_say_what_they_cannot_do(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_subset_of_ones_own_needs_both_methods():
    class Own(data.Subset):
        def __getitem__(self, i):
            return super().__getitem__(i)

    with pytest.raises(NotImplementedError, match="Own overrides __getitem__ but not __getitems__"):
        Own([1], [0])


def test_an_empty_split_is_warned_of():
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        data.random_split([1], [1.0, 0.0])


def test_replicas_share_every_sample_once_and_epochs_differ():
    parts = [data.DistributedSampler(range(12), 3, rank) for rank in range(3)]
    assert sorted(i for part in parts for i in part) == list(range(12))
    before = list(parts[0])
    parts[0].set_epoch(1)
    assert list(parts[0]) != before and len(parts[0]) == 4
    assert list(data.DistributedSampler(range(4), shuffle=False)) == [0, 1, 2, 3]


# -- the loader, in this process --------------------------------------------------------------


def test_batches_of_structured_samples():
    batches = list(data.DataLoader(samples.Numbers(3), 2))
    assert plain(batches[1]) == (
        "list",
        [
            ("torch.float32", [[[2.0] * 3] * 2]),
            ("torch.int64", [2]),
            ("dict", {"weight": ("torch.float64", [1.0]), "name": ("list", [("str", "2")])}),
            ("Pair", [("torch.float64", [2.0]), ("torch.int32", [4])]),
        ],
    )


def test_length_and_dropping_the_short_batch():
    loader = data.DataLoader(samples.Failing(5), 2)
    assert len(loader) == 3 and [len(b) for b in loader] == [2, 2, 1]
    loader = data.DataLoader(samples.Failing(5), 2, drop_last=True)
    assert len(loader) == 2 and [len(b) for b in loader] == [2, 2]


def test_without_batches_samples_come_as_they_are():
    values = list(data.DataLoader(samples.Numbers(2), batch_size=None))
    assert plain(values[1])[1][:2] == [("torch.float32", [[1.0] * 3] * 2), ("int", 1)]
    assert list(data.DataLoader(["a", "b"], batch_size=None)) == ["a", "b"]


def test_sampler_batch_sampler_and_collate_fn():
    dataset = samples.Failing(5)
    assert [b.tolist() for b in data.DataLoader(dataset, 2, sampler=[4, 0, 2])] == [[4, 0], [2]]
    loader = data.DataLoader(dataset, batch_sampler=[[1, 2], [0]], collate_fn=samples.keep_list)
    assert list(loader) == [[1, 2], [0]] and len(loader) == 2 and loader.batch_size is None


def test_iterable_datasets():
    assert [b.tolist() for b in data.DataLoader(samples.Stream(5), 2)] == [[0, 1], [2, 3], [4]]
    loader = data.DataLoader(samples.Stream(5), 2, drop_last=True)
    assert [b.tolist() for b in loader] == [[0, 1], [2, 3]]
    assert list(data.DataLoader(samples.Stream(3), None)) == [0, 1, 2]
    loader = data.DataLoader(samples.Stream(4, length=3), 1)
    assert len(list(loader)) == 4  # which asks for the length after it has begun: no warning
    assert len(loader) == 3
    with pytest.warns(UserWarning, match="was reported to be 3 .* but 4 samples have been fetched"):
        list(loader)
    with pytest.raises(TypeError, match="without a length"):
        len(data.DataLoader(samples.Stream(1)))


@pytest.mark.parametrize(
    "options, text",
    [
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified in multi"),
        ({"num_workers": 1, "prefetch_factor": -1}, "prefetch_factor option should be"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"sampler": [0], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables"),
        ({"batch_size": 0}, "batch_size should be a positive integer value"),
        ({"multiprocessing_context": "spawn"}, "can only be used with multi-process loading"),
        ({"num_workers": 1, "multiprocessing_context": "no"}, "should specify a valid start"),
        ({"num_workers": 1, "multiprocessing_context": "fork"}, "deadlocks"),
    ],
)
def test_options_that_do_not_go_together(options, text):
    with pytest.raises(ValueError, match=text):
        data.DataLoader(samples.Numbers(), **options)


@pytest.mark.parametrize("option", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}])
def test_iterable_datasets_have_no_order_to_choose(option):
    with pytest.raises(ValueError, match="DataLoader with IterableDataset: expected unspecified"):
        data.DataLoader(samples.Stream(3), **option)


def test_what_a_loader_is_made_of_stays():
    loader = data.DataLoader(samples.Numbers())
    for name in ("batch_size", "dataset", "sampler", "drop_last"):
        with pytest.raises(
            ValueError, match=f"{name} attribute should not be set after DataLoader"
        ):
            setattr(loader, name, None)
    loader.collate_fn = samples.keep_list
    assert isinstance(next(iter(loader)), list)


def test_pin_memory_is_accepted_and_quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loader = data.DataLoader(samples.Failing(2), pin_memory=True, pin_memory_device="cuda")
        assert [b.tolist() for b in loader] == [[0], [1]]


def test_get_worker_info_is_none_here():
    assert data.get_worker_info() is None
