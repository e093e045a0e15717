"""Sobol sequences: PyTorch's points."""

import hashlib

import pytest

import jaxtorch as torch
from jaxtorch.quasirandom import SobolEngine

# What PyTorch 2.13 gives.
DIGEST = "4a6c1b3e473e79ebf849fc9a695e6cbc566dff5cc899272a4dfc9b5038c3beca"
SCRAMBLED = [
    [0.19947312772274017, 0.17093220353126526, 0.7493569254875183],
    [0.6922082901000977, 0.7114949226379395, 0.48982980847358704],
    [0.8505491018295288, 0.2962706387042999, 0.7879806160926819],
]
LATER = [[0.07058169785887003, 0.13425513077527285], [0.505671369843185, 0.5122431740164757]]


def test_all_direction_numbers_are_torchs():
    numbers = SobolEngine(21201).sobolstate.numpy()
    assert hashlib.sha256(numbers.tobytes()).hexdigest() == DIGEST
    assert (SobolEngine(100).sobolstate.numpy() == numbers[:100]).all()


def test_points_are_torchs():
    assert SobolEngine(3).draw(5).tolist() == [
        [0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.75, 0.25, 0.25], [0.25, 0.75, 0.75],
        [0.375, 0.375, 0.625],
    ]  # fmt: skip
    scrambled = SobolEngine(3, scramble=True, seed=7)
    assert scrambled.draw(3).tolist() == SCRAMBLED
    assert repr(scrambled) == "SobolEngine(dimension=3, scramble=True, seed=7)"
    later = SobolEngine(2, True, 1).fast_forward(100)
    assert later.draw(2, dtype=torch.float64).tolist() == LATER


def test_pieces_make_the_sequence():
    whole = SobolEngine(4, scramble=True, seed=3).draw(16)
    engine = SobolEngine(4, scramble=True, seed=3)
    pieces = [engine.draw(1), engine.draw(6), engine.draw(2), engine.draw(7)]
    assert torch.equal(torch.cat(pieces), whole)
    assert torch.equal(engine.reset().fast_forward(3).draw(5), whole[3:8])
    assert torch.equal(engine.reset().draw_base2(4), whole)
    into = torch.zeros(2, 4)
    assert engine.reset().draw(2, out=into) is into and torch.equal(into, whole[:2])


def test_the_default_generator_scrambles():
    torch.manual_seed(3)
    first = SobolEngine(2, scramble=True).draw(4)
    assert not torch.equal(first, SobolEngine(2, scramble=True).draw(4))
    torch.manual_seed(3)
    assert torch.equal(first, SobolEngine(2, scramble=True).draw(4))


def test_bad_arguments():
    for dimension in (0, 21202):
        with pytest.raises(ValueError, match=r"Supported range .* is \[1, 21201\]"):
            SobolEngine(dimension)
    engine = SobolEngine(2)
    engine.draw(3)
    with pytest.raises(ValueError, match="The balance properties of Sobol' points"):
        engine.draw_base2(2)


def test_beside_torch():
    theirs = pytest.importorskip("torch")
    for options in ({}, {"scramble": True, "seed": 11}):
        mine, other = (m.quasirandom.SobolEngine(40, **options) for m in (torch, theirs))
        for dtype in ("float32", "float64"):
            for n in (1, 6, 33):
                x = mine.draw(n, dtype=getattr(torch, dtype))
                y = other.draw(n, dtype=getattr(theirs, dtype))
                assert x.tolist() == y.tolist()
