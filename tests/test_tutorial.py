"""Each listing of the tutorial prints what PyTorch prints, text for text."""

import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LISTINGS = sorted((HERE.parent / "examples" / "tutorial").glob("*.py"))


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda path: path.stem)
def test_listing_prints_what_pytorch_prints(listing, capsys):
    runpy.run_path(str(listing), run_name="__main__")
    stored = HERE / "reference" / "tutorial" / f"{listing.stem}.txt"
    assert capsys.readouterr().out == stored.read_text()


def test_every_stored_output_has_its_listing():
    stored = {path.stem for path in (HERE / "reference" / "tutorial").glob("*.txt")}
    assert stored == {listing.stem for listing in LISTINGS}
