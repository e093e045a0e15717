"""Run each listing of the tutorial with real PyTorch and store what it prints."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LISTINGS = HERE.parents[1] / "examples" / "tutorial"


def as_torch(source: str) -> str:
    """The same program for PyTorch."""
    return source.replace("import jaxtorch as torch", "import torch").replace("jaxtorch", "torch")


def main() -> None:
    (HERE / "tutorial").mkdir(exist_ok=True)
    for listing in sorted(LISTINGS.glob("*.py")):
        command = [sys.executable, "-W", "ignore", "-c", as_torch(listing.read_text())]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        (HERE / "tutorial" / f"{listing.stem}.txt").write_text(output)
        print(f"{listing.stem}: {len(output.splitlines())} lines")


if __name__ == "__main__":
    main()
