"""safetensors files: a header in JSON, and after it the tensors' bytes, which are read one by one.

The functions are named as in the package ``safetensors.torch``, which is not needed. A model that
is split over several files with an index, as Hugging Face's are, is read and written by
``load_model``, ``tensors_in`` and ``save_sharded``; every array is read once, when it is its turn.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxtorch import devices, dtypes
from jaxtorch.engine.handles import node_of_numpy
from jaxtorch.serialization.archive import aligned_bytes, read_exactly
from jaxtorch.serialization.saving import replacing
from jaxtorch.tensor import Tensor, wrap

__all__ = [
    "load", "load_file", "load_model", "safe_open", "save", "save_file", "save_model",
    "save_sharded", "storage_ptr", "storage_size", "tensors_in",
]  # fmt: skip

_NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16",
    "U8": "uint8", "BOOL": "bool", "C64": "complex64", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip
_LONGEST_HEADER = 100_000_000
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}


# -- the header -------------------------------------------------------------------------------


class _Entry:
    """Where a tensor lies: its dtype and shape, and its first and last byte after the header."""

    __slots__ = ("dtype", "shape", "start", "stop")

    def __init__(self, name: str, said: Any):
        try:
            self.dtype = dtypes.ALL[_NAMES[said["dtype"]]]
            self.shape = tuple(said["shape"])
            self.start, self.stop = said["data_offsets"]
            whole = all(type(n) is int and n >= 0 for n in (*self.shape, self.start, self.stop))
        except (KeyError, TypeError, ValueError) as error:
            raise _bad(f"the entry of {name!r} is {said!r}") from error
        if not whole or self.stop - self.start != math.prod(self.shape) * self.dtype.itemsize:
            raise _bad(f"{name!r} is not of the size that its shape and dtype tell: {said!r}")


def _bad(what: str) -> RuntimeError:
    return RuntimeError(f"Error while deserializing the safetensors header: {what}")


def _unique(pairs: list) -> dict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _bad("a name is there twice")
    return found


def _read_header(file) -> tuple[dict[str, _Entry], dict[str, str] | None, int]:
    """(entries in the order of their bytes, metadata, where the bytes begin)."""
    end = file.seek(0, os.SEEK_END)
    if end < 8:
        raise _bad(f"a file of {end} bytes has none")
    (length,) = struct.unpack("<Q", read_exactly(file, 0, 8).tobytes())
    if length > min(_LONGEST_HEADER, end - 8):
        raise _bad(f"it claims to be {length} bytes long, and the file has {end - 8}")
    try:
        said = json.loads(read_exactly(file, 8, length).tobytes(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _bad(f"it is not JSON ({error})") from error
    if not isinstance(said, dict):
        raise _bad("it is no mapping")
    metadata = said.pop("__metadata__", None)
    entries = {name: _Entry(name, entry) for name, entry in said.items()}
    entries = dict(sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)))
    at = 0
    for name, entry in entries.items():
        if entry.start != at:
            raise _bad(f"{name!r} does not begin where the tensor before it ends")
        at = entry.stop
    if at != end - 8 - length:
        raise _bad(f"the tensors have {at} bytes, and the file has {end - 8 - length} for them")
    return entries, metadata, 8 + length


def _header(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None) -> bytes:
    said: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    codes = {name: code for code, name in _NAMES.items()}
    for name, tensor in tensors.items():
        if tensor.dtype.name not in codes:
            raise TypeError(f"safetensors has no {tensor.dtype} (of {name!r})")
        stop = at + tensor.nbytes
        code, shape = codes[tensor.dtype.name], list(tensor.shape)
        said[name] = {"dtype": code, "shape": shape, "data_offsets": [at, stop]}
        at = stop
    text = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


# -- reading ----------------------------------------------------------------------------------


class _Slice:
    """A tensor of a file that is read only where it is indexed."""

    def __init__(self, opened: safe_open, name: str):
        self._opened, self._entry = opened, opened._entries[name]

    def get_shape(self) -> list[int]:
        return list(self._entry.shape)

    def get_dtype(self) -> str:
        return next(c for c, name in _NAMES.items() if name == self._entry.dtype.name)

    def __getitem__(self, index) -> Tensor:
        """Rows are read by themselves; what else the index asks for is taken from them."""
        entry = self._entry
        first, *rest = index if isinstance(index, tuple) else (index,)
        if not entry.shape or not isinstance(first, slice | int):
            return self._opened._read(entry)[index]
        rows = entry.shape[0]
        start, stop, step = first.indices(rows) if isinstance(first, slice) else (0, rows, 1)
        if isinstance(first, int):
            start = first + rows if first < 0 else first
            stop = start + 1
            if not 0 <= start < rows:
                raise IndexError(f"index {first} is out of bounds for dimension 0 of size {rows}")
        if step < 0:
            raise ValueError("step must be greater than zero")
        found = self._opened._read(entry, start, max(start, stop))
        return found[(0 if isinstance(first, int) else slice(None, None, step), *rest)]


class safe_open:
    """A safetensors file, whose tensors are read when they are asked for.

    >>> with safe_open("model.safetensors") as f:
    ...     for name in f.keys():
    ...         tensor = f.get_tensor(name)
    """

    def __init__(self, filename, framework: str = "pt", device: Any = "cpu"):
        if framework not in ("pt", "torch", "pytorch"):
            raise NotImplementedError(f"safe_open(framework={framework!r}): 'pt' gives Tensors")
        self._place = str(devices.from_jax(devices.jax_device(devices.device(device))))
        self._file = open(filename, "rb")  # noqa: SIM115
        try:
            self._entries, self._metadata, self._start = _read_header(self._file)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *exc_info) -> None:
        self._file.close()

    def keys(self) -> list[str]:
        return sorted(self._entries)

    def offset_keys(self) -> list[str]:
        """The names in the order in which the tensors lie in the file."""
        return list(self._entries)

    def metadata(self) -> dict[str, str] | None:
        return self._metadata

    def get_tensor(self, name: str) -> Tensor:
        return self._read(self._entry(name))

    def get_slice(self, name: str) -> _Slice:
        self._entry(name)
        return _Slice(self, name)

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            raise KeyError(f"File does not contain tensor {name}")
        return self._entries[name]

    def _read(self, entry: _Entry, first: int = 0, last: int | None = None) -> Tensor:
        """Rows ``first`` to ``last`` of a tensor."""
        start, stop, shape = entry.start, entry.stop, entry.shape
        if last is not None:
            row = math.prod(shape[1:]) * entry.dtype.itemsize
            start, stop = start + first * row, start + last * row
            shape = (last - first, *shape[1:])
        data = read_exactly(self._file, self._start + start, stop - start)
        return wrap(node_of_numpy(data.view(entry.dtype.numpy).reshape(shape), self._place))


def load_file(filename, device: Any = "cpu") -> dict[str, Tensor]:
    """All tensors of a file."""
    with safe_open(filename, device=device) as opened:
        return {name: opened.get_tensor(name) for name in opened.offset_keys()}


def load(data: bytes) -> dict[str, Tensor]:
    """All tensors of a file's bytes."""
    import io

    file = io.BytesIO(data)
    entries, _, start = _read_header(file)
    found = {}
    for name, entry in entries.items():
        array = aligned_bytes(entry.stop - entry.start)
        array[:] = np.frombuffer(data, np.uint8, array.size, start + entry.start)
        found[name] = wrap(node_of_numpy(array.view(entry.dtype.numpy).reshape(entry.shape)))
    return found


# -- writing ----------------------------------------------------------------------------------


def _checked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, largest elements first so that each is aligned; refused where they share."""
    groups: dict[int, set[str]] = {}
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise ValueError(
                f"Key `{name}` is invalid, expected torch.Tensor but received {type(tensor)}"
            )
        if not tensor.is_contiguous():
            raise ValueError(
                f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. "
                "It either means you are trying to save tensors which are reference of each other "
                "in which case it's recommended to save only the full tensors, and reslice at load "
                "time, or simply call `.contiguous()` on your tensor to pack it before saving."
            )
        if tensor.numel():
            groups.setdefault(tensor.untyped_storage().data_ptr(), set()).add(name)
    shared = [names for names in groups.values() if len(names) > 1]
    if shared:
        raise RuntimeError(
            "Some tensors share memory, this will lead to duplicate memory on disk and potential "
            f"differences when loading them again: {shared}. A potential way to correctly save "
            "your model is to use `save_model`."
        )
    order = sorted(tensors.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    return dict(order)


def _pieces(tensors: Mapping[str, Tensor], metadata) -> Iterator[Any]:
    tensors = _checked(tensors)
    yield _header(tensors, metadata)
    for tensor in tensors.values():
        yield memoryview(np.ascontiguousarray(tensor.detach()._host()).reshape(-1).view(np.uint8))


def save(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a file of these tensors."""
    return b"".join(_pieces(tensors, metadata))


def save_file(
    tensors: Mapping[str, Tensor], filename, metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors to a file, one after the other. The file is replaced once it is whole.

    ValueError for tensors that are not contiguous, RuntimeError for those that share a storage.
    """
    with replacing(Path(os.fspath(filename))) as file:
        for piece in _pieces(tensors, metadata):
            file.write(piece)


# -- whole models -----------------------------------------------------------------------------


def storage_ptr(tensor: Tensor) -> int:
    """Equal for tensors that share a storage."""
    return tensor.untyped_storage().data_ptr()


def storage_size(tensor: Tensor) -> int:
    """The bytes of the tensor's storage."""
    return tensor.untyped_storage().nbytes()


def _distinct(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """A state dict without its tied tensors, and for each that is gone the one it is tied to."""
    kept: dict[str, Tensor] = {}
    homes: dict[Any, str] = {}
    gone: dict[str, str] = {}
    for name in sorted(state):
        tensor = state[name]
        key = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride()) if tensor.numel() else name
        if key in homes:
            gone[name] = homes[key]
        else:
            homes[key] = name
            kept[name] = tensor.contiguous()
    return kept, gone


def save_model(
    model, filename, metadata: Mapping[str, str] | None = None, force_contiguous: bool = True
) -> None:
    """Write a module's state dict. Of tied tensors one is written; the metadata names the others.

    ``force_contiguous=False``: ValueError for tensors that are not contiguous."""
    state = model.state_dict()
    if not force_contiguous and not all(t.is_contiguous() for t in state.values()):
        raise ValueError("save_model(force_contiguous=False) of a tensor that is not contiguous")
    kept, gone = _distinct(state)
    save_file(kept, filename, {**(metadata or {}), **gone} or None)


def load_model(
    model, filename, strict: bool = True, device: Any = "cpu"
) -> tuple[list[str], list[str]]:
    """Give a module the tensors of a file, of an index, or of a folder with either.

    One array at a time is read and takes its place, so that there is never more than the model and
    one of its arrays. Returns (missing names, unexpected names); RuntimeError if there are any and
    ``strict``, or if a shape differs.
    """
    own = model.state_dict(keep_vars=True)
    _, tied = _distinct(own)
    missing, unexpected, errors = set(own), [], []
    for name, tensor in tensors_in(filename, device):
        target = own.get(name)
        if target is None:
            unexpected.append(name)
            continue
        missing.discard(name)
        if target.shape != tensor.shape:
            errors.append(
                f"size mismatch for {name}: copying a param with shape {tensor.shape} from "
                f"checkpoint, the shape in current model is {target.shape}."
            )
        else:
            target.data = tensor.to(target.dtype)
    ties = [{name, other} for name, other in tied.items()]
    absent = sorted(n for n in missing if not any(n in tie and tie - missing for tie in ties))
    if strict:
        said = (("Missing", absent, "in"), ("Unexpected", unexpected, "in"))
        errors += [
            f"{what} key(s) {where} state_dict: " + ", ".join(f'"{n}"' for n in names) + ". "
            for what, names, where in said if names
        ]  # fmt: skip
    if errors:
        raise RuntimeError(
            f"Error(s) in loading state_dict for {type(model).__name__}:\n\t" + "\n\t".join(errors)
        )
    return absent, unexpected


def _files(path: Path) -> list[tuple[Path, list[str] | None]]:
    """The files of a checkpoint, and which tensors the index has in each (None: all)."""
    if path.is_dir():
        found = sorted(path.glob("*.safetensors.index.json")) or sorted(path.glob("*.safetensors"))
        if len(found) != 1:
            raise FileNotFoundError(
                f"{path} has {len(found)} safetensors files and no index: name the one that is "
                "meant"
            )
        path = found[0]
    if path.suffix != ".json":
        return [(path, None)]
    index = json.loads(path.read_text())
    groups: dict[str, list[str]] = {}
    try:
        for name, file in index["weight_map"].items():
            groups.setdefault(file, []).append(name)
    except (KeyError, TypeError, AttributeError) as error:
        raise RuntimeError(f"{path} is no index: it has no weight_map") from error
    for file in groups:
        if os.path.basename(file) != file:
            raise RuntimeError(f"{path} names {file!r}, which is not beside it")
    return [(path.parent / file, names) for file, names in sorted(groups.items())]


def tensors_in(path, device: Any = "cpu") -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of a file, an index or a folder, each read as it is asked for."""
    for file, names in _files(Path(os.fspath(path))):
        with safe_open(file, device=device) as opened:
            wanted = opened.offset_keys() if names is None else names
            for name in wanted:
                if name not in opened._entries:
                    raise RuntimeError(f"the index has {name!r} in {file.name}, which has it not")
                yield name, opened.get_tensor(name)


def _bytes_in(size: int | str) -> int:
    if isinstance(size, int):
        return size
    for unit, factor in sorted(_UNITS.items(), key=lambda item: -len(item[0])):
        if size.upper().endswith(unit):
            return int(float(size[: -len(unit)]) * factor)
    raise ValueError(f"max_shard_size={size!r}: a number of bytes, or a text as '5GB'")


def save_sharded(
    tensors: Mapping[str, Tensor] | Any, folder, max_shard_size: int | str = "5GB",
    name: str = "model", metadata: Mapping[str, str] | None = None,
) -> list[Path]:  # fmt: skip
    """Write a state dict, or a module's, to a folder in Hugging Face's layout: files of at most
    ``max_shard_size`` (a larger tensor has one of its own) and an index; one file without index
    if it is enough. Returns the files."""
    state = tensors if isinstance(tensors, Mapping) else tensors.state_dict()
    kept, gone = _distinct(state)
    limit, folder = _bytes_in(max_shard_size), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, Tensor]] = [{}]
    used = 0
    for key, tensor in kept.items():
        if shards[-1] and used + tensor.nbytes > limit:
            shards.append({})
            used = 0
        shards[-1][key] = tensor
        used += tensor.nbytes
    metadata = {"format": "pt", **(metadata or {})}
    if len(shards) == 1:
        path = folder / f"{name}.safetensors"
        save_file(shards[0], path, {**metadata, **gone})
        return [path]
    paths, places = [], {}
    for i, shard in enumerate(shards, 1):
        path = folder / f"{name}-{i:05d}-of-{len(shards):05d}.safetensors"
        save_file(shard, path, metadata)
        paths.append(path)
        places.update(dict.fromkeys(shard, path.name))
    index = folder / f"{name}.safetensors.index.json"
    total = _total(kept.values())
    said = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
    with replacing(index) as file:
        file.write((json.dumps(said, indent=2) + "\n").encode())
    return [*paths, index]


def _total(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)
