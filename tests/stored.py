"""What real torch answered, as JSON: arrays as base64, so that they come back bit for bit."""

from __future__ import annotations

import base64
import functools
import json
from pathlib import Path

import numpy as np


def save(folder: Path, file: str, answers: dict) -> None:
    folder.mkdir(exist_ok=True)
    text = json.dumps(_pack(answers), separators=(",", ":")).replace('},"', '},\n"')
    (folder / f"{file}.json").write_text(text + "\n")


@functools.cache
def load(folder: Path, file: str) -> dict:
    return _unpack(json.loads((folder / f"{file}.json").read_text()))


def _pack(value):
    if isinstance(value, np.ndarray):
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"array": str(value.dtype), "shape": list(value.shape), "data": data}
    if isinstance(value, dict):
        return {key: _pack(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return {"tuple": [_pack(item) for item in value]}
    if isinstance(value, list):
        return [_pack(item) for item in value]
    return value


def _unpack(value):
    if isinstance(value, dict):
        if "array" in value:
            data = np.frombuffer(base64.b64decode(value["data"]), value["array"])
            return data.reshape(value["shape"])
        if "tuple" in value:
            return tuple(_unpack(item) for item in value["tuple"])
        return {key: _unpack(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    return value
