"""Handwritten digits as arrays: scikit-learn's bundled set, or a folder of MNIST's idx files."""

import gzip
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Digits(NamedTuple):
    """Images are float32 (N, 1, 32, 32) with values from -1 to 1; labels are int64 (N,)."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def head(self, train: int, test: int) -> "Digits":
        """The first few of each, for a quick try."""
        return Digits(
            self.train_images[:train],
            self.train_labels[:train],
            self.test_images[:test],
            self.test_labels[:test],
        )


def load_digits(folder: str | None = None) -> Digits:
    """Those in `folder` (MNIST, Fashion-MNIST: idx files, gzipped or not), or the bundled ones."""
    return idx_digits(Path(folder)) if folder else bundled_digits()


def bundled_digits() -> Digits:
    """1797 digits of 8x8 pixels, each pixel grown to 4x4; one in five is kept for the test."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = bunch.images.astype(np.float32)[:, None] / 8 - 1
    images = images.repeat(4, axis=2).repeat(4, axis=3)
    labels = bunch.target.astype(np.int64)
    order = np.random.RandomState(0).permutation(len(labels))
    train, test = order[len(order) // 5 :], order[: len(order) // 5]
    return Digits(images[train], labels[train], images[test], labels[test])


def idx_digits(folder: Path) -> Digits:
    """28x28 images, with a border of two pixels around each."""
    arrays = []
    for part in ("train", "t10k"):
        images = read_idx(folder, f"{part}-images-idx3-ubyte").astype(np.float32) / 127.5 - 1
        padded = np.pad(images[:, None], ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=-1)
        labels = read_idx(folder, f"{part}-labels-idx1-ubyte").astype(np.int64)
        if len(images) != len(labels):
            raise ValueError(f"{folder}: {len(images)} {part} images, but {len(labels)} labels")
        arrays += [padded, labels]
    return Digits(*arrays)


def find_idx(folder: Path, name: str) -> Path:
    """The file in the folder or, as torchvision keeps it, in a folder below ("MNIST/raw")."""
    other = name.replace("-idx", ".idx")  # both spellings are about
    for file in (name, f"{name}.gz", other, f"{other}.gz"):
        for path in sorted(folder.rglob(file)):
            return path
    raise FileNotFoundError(f"{folder} holds neither {name} nor {name}.gz")


def read_idx(folder: Path, name: str) -> np.ndarray:
    """An idx file: two zero bytes, a type byte, the number of axes, the sizes, the data."""
    path = find_idx(folder, name)
    data = path.read_bytes()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError) as error:
            raise ValueError(f"{path} is no whole gzip file: {error}") from error
    if data[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is no idx file of unsigned bytes")
    start = 4 + 4 * data[3]
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, start, 4)]
    if len(data) != start + math.prod(shape):
        raise ValueError(f"{path} has {len(data)} bytes, not the {start} + {shape} it should have")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
