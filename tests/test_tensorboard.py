"""torch.utils.tensorboard writes what TensorBoard reads, of our tensors."""

import os
import struct
import subprocess
import sys

SCRIPT = """
import torch
from torch.utils.tensorboard import SummaryWriter
with SummaryWriter(log_dir="logs") as writer:
    assert writer.log_dir == "logs"
    for step in range(3):
        writer.add_scalar("loss", torch.tensor(step / 2), step)
    writer.add_histogram("weights", torch.arange(10.0), 0)
    writer.add_image("picture", torch.zeros(3, 4, 4), 0)
    writer.add_text("note", "hello", 0)
    for call in (lambda: writer.add_graph(torch.nn.Linear(1, 1)),
                 lambda: writer.add_scalar("x", 1, new_style=True)):
        try:
            call()
        except NotImplementedError as error:
            print(type(error).__name__)
"""


def events(path):
    """The serialised events of a file: each with its length before it and checksums around."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        yield data[at + 12 : at + 12 + length]
        at += 16 + length


def test_scalars_and_the_rest_are_written(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-m", "jaxtorch", "script.py"], cwd=tmp_path, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout.split() == ["NotImplementedError"] * 2, done.stderr
    (file,) = (tmp_path / "logs").iterdir()
    found = list(events(file))
    losses = [one for one in found if b"loss" in one]
    assert [struct.pack("<f", step / 2) in one for step, one in enumerate(losses)] == [True] * 3
    for tag in (b"weights", b"picture", b"note"):
        assert any(tag in one for one in found)
