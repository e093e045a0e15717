"""Pictures of a run, written to files: no window is opened."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402  (the backend is chosen first)


def save_curves(path: Path, curves: dict[str, Sequence[float]], xlabel: str = "epoch") -> None:
    """One panel a curve, side by side."""
    figure, panels = plt.subplots(1, len(curves), figsize=(5 * len(curves), 4), squeeze=False)
    for panel, (name, values) in zip(panels[0], curves.items(), strict=True):
        panel.plot(range(1, len(values) + 1), values, marker="o" if len(values) < 50 else None)
        panel.set(title=name, xlabel=xlabel)
        panel.grid(alpha=0.3)
    save(figure, path)


def save_images(path: Path, images: np.ndarray, titles: Sequence[str] | None = None) -> None:
    """A grid of grey images (N, 1, H, W), eight a row."""
    rows = -(-len(images) // 8)
    figure, panels = plt.subplots(rows, 8, figsize=(10, 1.5 * rows), squeeze=False)
    for panel in panels.flat:
        panel.axis("off")
    for i, (panel, image) in enumerate(zip(panels.flat, images, strict=False)):
        panel.imshow(image[0], cmap="gray")
        if titles is not None:
            panel.set_title(titles[i], fontsize=9)
    save(figure, path)


def save(figure: plt.Figure, path: Path) -> None:
    """Write the figure and close it."""
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)
    print(f"wrote {path}")
