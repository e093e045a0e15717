"""Every pair of dtypes, every number about one, beside real torch's."""

import itertools

import pytest

torch = pytest.importorskip("torch")

from jaxtorch import dtypes  # noqa: E402

ALL = list(dtypes.ALL.values())
NUMBERS = "bits dtype eps max min resolution smallest_normal tiny".split()


def answer(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("a, b", list(itertools.combinations_with_replacement(ALL, 2)), ids=repr)
def test_pairs(a, b):
    ta, tb = getattr(torch, a.name), getattr(torch, b.name)
    for function in ("promote_types", "can_cast"):
        mine = answer(getattr(dtypes, function), a, b)
        theirs = answer(getattr(torch, function), ta, tb)
        if isinstance(theirs, tuple):
            assert mine[0] is theirs[0]
        else:
            assert repr(mine) == repr(theirs)


@pytest.mark.parametrize("d", ALL, ids=repr)
def test_one(d):
    t = getattr(torch, d.name)
    for flag in ("is_floating_point", "is_complex", "is_signed", "itemsize"):
        assert getattr(d, flag) == getattr(t, flag)
    assert repr(d) == repr(t) and repr(d.to_real()) == repr(t.to_real())
    for kind in ("finfo", "iinfo"):
        mine, theirs = answer(getattr(dtypes, kind), d), answer(getattr(torch, kind), t)
        assert repr(mine) == repr(theirs) or mine[0] is theirs[0]
        for name in NUMBERS:
            assert getattr(mine, name, None) == getattr(theirs, name, None)
