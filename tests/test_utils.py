"""torch.utils: pytrees, timers, weak dictionaries, swapped tensors."""

import collections
import gc

import pytest

import jaxtorch as torch
from jaxtorch.utils import _pytree as pytree, benchmark, collect_env, set_module, swap_tensors
from jaxtorch.utils.weak import WeakIdKeyDictionary

Pair = collections.namedtuple("Pair", "a b")
TREE = {"b": [1, (2, None)], "a": Pair(3, torch.Size([4]))}


def test_pytrees_by_torchs_rules():
    leaves, spec = pytree.tree_flatten(TREE)
    assert leaves == [1, 2, None, 3, 4] and spec.num_leaves == 5
    again = pytree.tree_unflatten(leaves, spec)
    assert again == TREE and type(again["a"]) is Pair and type(again["a"].b) is torch.Size
    assert str(pytree.tree_structure([1, (2,)])) == (
        "TreeSpec(list, None, [*,\n  TreeSpec(tuple, None, [*])])"
    )
    assert spec == pytree.tree_structure(pytree.tree_map(lambda x: 0, TREE)) != pytree.LeafSpec()
    with pytest.raises(ValueError, match="`leaves` has length 1 but the spec refers to .* 5 items"):
        spec.unflatten([1])
    for container in (collections.OrderedDict(z=1, a=2), collections.deque([1, 2], 5),
                      collections.defaultdict(list, {"a": 1})):  # fmt: skip
        leaves, spec = pytree.tree_flatten(container)
        assert spec.unflatten(leaves) == container and type(spec.unflatten(leaves)) is type(
            container
        )


def test_maps_over_pytrees():
    assert pytree.tree_map(lambda x, y: x + y, [1, {"a": 2}], [3, {"a": 4}]) == [4, {"a": 6}]
    assert pytree.tree_map(lambda x, y: (x, y), [1, 2], [[3], 4]) == [(1, [3]), (2, 4)]
    assert pytree.tree_map_only(int, lambda x: -x, [1, "a", (2.0,)]) == [-1, "a", (2.0,)]
    doubled = pytree.tree_map_only(torch.Tensor, lambda t: t * 2, {"x": torch.ones(1), "n": 3})
    assert doubled["x"].item() == 2 and doubled["n"] == 3
    assert pytree.tree_all(lambda x: x > 0, [1, [2]]) and not pytree.tree_any(bool, [0, []])
    assert pytree.tree_all_only(int, lambda x: x > 0, [1, "a"])
    with pytest.raises(ValueError, match="Type mismatch"):
        pytree.tree_map(lambda x, y: x, [1], (1,))
    with pytest.raises(ValueError, match="arity or context mismatch"):
        pytree.tree_map(lambda x, y: x, [1], [1, 2])


def test_paths_in_pytrees():
    paths = pytree.tree_leaves_with_path(TREE)
    assert [pytree.keystr(path) for path, _ in paths] == [
        "['b'][0]", "['b'][1][0]", "['b'][1][1]", "['a'].a", "['a'].b[0]",
    ]  # fmt: skip
    assert all(pytree.key_get(TREE, path) == leaf for path, leaf in paths)
    named = pytree.tree_map_with_path(lambda path, x: pytree.keystr(path), {"a": [1, 2]})
    assert named == {"a": ["['a'][0]", "['a'][1]"]}


def test_ones_own_nodes_in_pytrees():
    class Box:
        def __init__(self, inside):
            self.inside = inside

    pytree.register_pytree_node(Box, lambda b: ([b.inside], None), lambda c, _: Box(*c))
    assert pytree.tree_map(lambda x: x + 1, [Box(1)])[0].inside == 2
    with pytest.raises(ValueError, match="already registered"):
        pytree.register_pytree_node(Box, None, None)
    del pytree.SUPPORTED_NODES[Box]


def test_timers():
    x = torch.ones(4)
    timer = benchmark.Timer("x + 1", globals={"x": x}, label="add", sub_label="4", description="me")
    once = timer.timeit(20)
    assert once.number_per_run == 20 and 0 < once.mean == once.median
    assert once.title == "add: 4" and "1 measurement, 20 runs" in repr(once)
    many = timer.blocked_autorange(min_run_time=0.02)
    assert sum(many.raw_times) >= 0.02 and many.iqr >= 0
    text = str(benchmark.Compare([once, many]))
    assert "add" in text and "me" in text and "Times are in" in text
    assert len(benchmark.Measurement.merge([once, once])[0].raw_times) == 2
    recorded = torch.ones(64, 64)
    benchmark.timer()
    assert recorded._node.value is not None
    with pytest.warns(UserWarning, match=r"num_threads=1000\): it is measured with the"):
        other = benchmark.Timer(num_threads=1000).timeit(2)
    assert other.num_threads == torch.get_num_threads()


def test_tensors_swapped():
    a, b = torch.ones(2, requires_grad=True), torch.zeros(3)
    a.mark = 1
    swap_tensors(a, b)
    assert a.tolist() == [0, 0, 0] and b.tolist() == [1, 1] and b.mark == 1
    (b * 2).sum().backward()
    assert b.grad.tolist() == [2, 2] and a.grad is None
    with pytest.raises(RuntimeError, match="view of another"):
        swap_tensors(b, torch.ones(4)[:2])


def test_weak_dictionaries_go_by_identity():
    known, key, twin = WeakIdKeyDictionary(), torch.ones(1), torch.ones(1)
    known[key] = "here"
    assert known[key] == "here" and twin not in known and len(known) == 1
    del key
    gc.collect()
    assert len(known) == 0


def test_the_rest():
    assert "jax" in collect_env.get_pretty_env_info()
    assert torch.utils.deterministic.fill_uninitialized_memory

    def f():
        pass

    set_module(f, "torch.mine")
    assert f.__module__ == "torch.mine"
