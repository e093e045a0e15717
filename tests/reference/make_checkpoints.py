"""Write checkpoints with real PyTorch, and what its modules answer, for machines without it.

python tests/reference/make_checkpoints.py
"""

import json
import sys
import warnings
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.serialization import contents  # noqa: E402

FOLDER = ROOT / "tests" / "reference" / "checkpoints"
FOLDER.mkdir(exist_ok=True)


def write(name: str, obj, **options) -> None:
    torch.save(obj, FOLDER / name, **options)


old = [name for name in contents.DTYPES if name not in contents.NEW]
weights = {make.__name__: make(torch) for make in contents.WEIGHTS}
write("zip.pt", weights)
write("legacy.pt", weights | {"dtypes": contents.dtypes(torch, old)},
      _use_new_zipfile_serialization=False)  # fmt: skip
write("protocol4.pt", contents.containers(torch), pickle_protocol=4)
torch.serialization.set_crc32_options(False)
write("no_checksums.pt", contents.dtypes(torch))
torch.serialization.set_crc32_options(True)
modules = contents.modules(torch)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that the source of torch's own modules is not at hand
    write("modules.pt", {name: module for name, (module, _) in modules.items()})
    write("modules_legacy.pt", modules["mlp"][0], _use_new_zipfile_serialization=False)
answers = {name: contents.outputs(*pair) for name, pair in modules.items()}
answers["training"] = contents.go_on(torch, contents.training(torch))
(FOLDER / "answers.json").write_text(json.dumps(answers) + "\n")
