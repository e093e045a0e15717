"""Numbers that PyTorch may not know yet, and that are always known here."""

import pytest

import jaxtorch


def _answer(library, name, args):
    try:
        found = getattr(library, name)(*args)
    except Exception as e:
        return type(e)
    return type(found), found


CALLS = [
    ("sym_int", (2.7,)), ("sym_int", (-2.7,)), ("sym_int", (True,)), ("sym_float", (3,)),
    ("sym_max", (1, 2.5)), ("sym_max", (3, 2.5)), ("sym_max", (2, 3)), ("sym_min", (1, 2.5)),
    ("sym_max", ("a", 1)), ("sym_not", (True,)), ("sym_not", (0,)), ("sym_ite", (True, 1, 2)),
    ("sym_ite", (False, 1, 2)), ("sym_ite", (1, 2, 3)), ("sym_ite", (True, 2, 3.0)),
    ("sym_sqrt", (9,)), ("sym_sqrt", (-1,)), ("sym_sum", ([1, 2, 3],)), ("sym_sum", ((1, 2.5),)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args"), CALLS)
def test_numbers_are_pythons(name, args):
    torch = pytest.importorskip("torch")
    assert _answer(jaxtorch, name, args) == _answer(torch, name, args)


def test_no_size_is_symbolic():
    size = jaxtorch.zeros(2, 3).shape[0]
    assert not isinstance(size, jaxtorch.SymInt) and isinstance(size, int | jaxtorch.SymInt)
    for kind in (jaxtorch.SymInt, jaxtorch.SymFloat, jaxtorch.SymBool):
        with pytest.raises(NotImplementedError, match=kind.__name__):
            kind(None)
