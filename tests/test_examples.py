"""Each example runs at small size and does what it says."""

import gzip
import importlib
import math
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def example(monkeypatch):
    """Import an example by name, as a script run from its folder would be."""
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    return importlib.import_module


def test_cnn_learns_digits_and_leaves_its_files(example, tmp_path):
    module = example("cnn_digits")
    accuracy = module.main(["--small", "--epochs", "4", "--lr", "0.1", "--out", str(tmp_path)])
    assert accuracy > 0.3
    assert {path.name for path in tmp_path.iterdir()} == {
        "net.pt",
        "curves.png",
        "predictions.png",
    }
    net = module.Net()
    net.load_state_dict(module.torch.load(tmp_path / "net.pt"))


def test_cnn_as_a_pure_function_learns_digits(example):
    assert example("cnn_functional").main(["--small", "--epochs", "4", "--lr", "0.1"]) > 0.3


def test_gan_draws_samples(example, tmp_path):
    arguments = ["--small", "--epochs", "2", "--width", "4", "--latent", "8"]
    losses = example("gan_digits").main([*arguments, "--out", str(tmp_path)])
    assert all(math.isfinite(loss) for loss in losses)
    assert (tmp_path / "samples_002.png").exists()


def test_gpt_learns_and_writes(example, capsys):
    size = ["--layers", "1", "--width", "16", "--context", "16", "--batch", "8", "--heads", "2"]
    loss = example("char_gpt").main(["--steps", "40", "--sample", "20", *size])
    assert loss < 4.0
    assert len(capsys.readouterr().out) > 20


def test_regression_finds_the_curve(example, tmp_path):
    arguments = ["--steps", "300", "--points", "80", "--out", str(tmp_path)]
    assert example("regression").main(arguments) < 0.4
    assert {path.name for path in tmp_path.iterdir()} == {"fit.png", "loss.png"}


def test_digits_are_read_from_idx_files(example, tmp_path):
    images = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(2, 28, 28)
    for part in ("train", "t10k"):
        header = struct.pack(">HBBiii", 0, 8, 3, *images.shape)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        labels = struct.pack(">HBBi", 0, 8, 1, 2) + bytes([3, 7])
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    digits = example("digits").load_digits(str(tmp_path))
    assert digits.test_labels.tolist() == [3, 7]
    assert digits.train_images.shape == (2, 1, 32, 32)
    assert digits.train_images[0, 0, 2, 2] == -1 and digits.train_images[0, 0, 2, 3] > -1

    (tmp_path / "t10k-images-idx3-ubyte").write_bytes((header + images.tobytes())[:-1])
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte has 1583 bytes, not the 16 \+"):
        example("digits").load_digits(str(tmp_path))


def test_digits_are_found_as_others_keep_them(example, tmp_path):
    """Gzipped, below the folder given, and with a dot in the name."""
    raw, read_idx = tmp_path / "MNIST" / "raw", example("digits").read_idx
    raw.mkdir(parents=True)
    file = struct.pack(">HBBi", 0, 8, 1, 2) + bytes([3, 7])
    (raw / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(file))
    (raw / "t10k-labels.idx1-ubyte").write_bytes(file)
    for part in ("train", "t10k"):
        assert read_idx(tmp_path, f"{part}-labels-idx1-ubyte").tolist() == [3, 7]
    (raw / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(file)[:-9])
    with pytest.raises(ValueError, match="train-labels-idx1-ubyte.gz is no whole gzip file"):
        read_idx(tmp_path, "train-labels-idx1-ubyte")
    with pytest.raises(FileNotFoundError, match="holds neither train-images"):
        read_idx(tmp_path, "train-images-idx3-ubyte")


def test_readme_programs_run():
    blocks = (EXAMPLES.parent / "README.md").read_text().split("```python\n")[1:]
    programs = [block.split("```")[0] for block in blocks]
    programs = [program for program in programs if "jaxtorch" in program]
    assert len(programs) >= 4
    subprocess.run([sys.executable, "-c", "\n".join(programs)], check=True, timeout=300)
