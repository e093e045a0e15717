"""``torch.save``: a pickle in which storages are named by number, and beside it their bytes."""

from __future__ import annotations

import contextlib
import copyreg
import io
import os
import pickle
import sys
import tempfile
from collections import OrderedDict
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from jaxtorch import devices, dtypes, layouts
from jaxtorch._utils import _get_layout
from jaxtorch.random import Generator
from jaxtorch.serialization import options
from jaxtorch.serialization.archive import Writer
from jaxtorch.serialization.locations import location_tag
from jaxtorch.serialization.names import torch_home
from jaxtorch.size import Size
from jaxtorch.storage import CLASS_NAMES, TypedStorage, UntypedStorage, is_storage

__all__ = ["save"]

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
DEFAULT_PROTOCOL = 2


class _Name:
    """A name of torch's, written into the pickle as it is."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name


class Pickler(pickle._Pickler):
    """Writes torch's names where the objects are jaxtorch's; keeps the storages for later.

    (Python's own pickler, for the one in C insists on importing what it names.)
    """

    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file, protocol: int, legacy: bool):
        super().__init__(file, protocol)
        self.legacy = legacy
        self.storages: dict[str, tuple[UntypedStorage, dtypes.dtype]] = {}
        self._keys: dict[int, str] = {}
        self._markers = {name: _Name("torch", name) for name in CLASS_NAMES.values()}
        self._untyped = _Name("torch.storage", "UntypedStorage")

    def persistent_id(self, obj):
        if not is_storage(obj):
            return None
        typed = isinstance(obj, TypedStorage)
        if self.legacy and not typed:
            raise NotImplementedError(
                "torch.save(_use_new_zipfile_serialization=False) of an UntypedStorage, or of a "
                "tensor of uint16, uint32 or uint64: PyTorch cannot read them in that format"
            )
        untyped, dtype = obj.untyped(), obj.dtype if typed else dtypes.uint8
        known = self._keys.get(id(untyped))
        if known is None:
            known = self._keys[id(untyped)] = str(len(self._keys))
            self.storages[known] = untyped, dtype
        elif untyped.nbytes() and self.storages[known][1] is not dtype:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different "
                "types"
            )
        marker = self._markers[CLASS_NAMES[dtype]] if typed else self._untyped
        entry = ("storage", marker, known, location_tag(obj), obj.size())
        return (*entry, None) if self.legacy else entry

    def reducer_override(self, obj):
        from jaxtorch.nn.modules.module import Module

        if isinstance(obj, Size):
            return (Size, (tuple(obj),))
        if isinstance(obj, devices.device):
            return (devices.device, (obj.type,) if obj.index is None else (obj.type, obj.index))
        if isinstance(obj, layouts.layout):
            return (_get_layout, (str(obj),))
        if isinstance(obj, Generator):
            return (Generator, (obj.device,), (obj.initial_seed(), None, obj.get_state()))
        kind = type(obj)
        if isinstance(obj, Module) and (kind.__reduce_ex__, kind.__reduce__) == _DEFAULT:
            return copyreg.__newobj__, (kind,), module_state(obj)
        return NotImplemented

    def save_global(self, obj, name=None):
        module, name = getattr(obj, "__module__", None) or "", name or obj.__qualname__
        there = torch_home(module, name)
        if there == module:
            super().save_global(obj, name)
            return
        self._write_name(there, name)
        self.memoize(obj)

    def _write_name(self, module: str, name: str) -> None:
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())

    def _save_name(self, marker):
        self._write_name(marker.module, marker.name)
        self.memoize(marker)

    def _save_dtype(self, dtype):
        self._write_name("torch", dtype.name)
        self.memoize(dtype)

    def _save_type(self, kind):
        if kind.__module__.partition(".")[0] in ("jaxtorch", "torch"):
            self.save_global(kind)
        else:
            super().save_type(kind)

    def _save_function(self, function):
        self.save_global(function)

    dispatch[_Name] = _save_name
    dispatch[dtypes.dtype] = _save_dtype
    dispatch[type] = _save_type
    dispatch[FunctionType] = _save_function


_DEFAULT = object.__reduce_ex__, object.__reduce__


def module_state(module) -> dict:
    """The state of a Module in PyTorch's own layout: its members in three dicts."""
    state = module.__getstate__()
    if isinstance(state, dict) and "_kinds" in state:
        state = dict(state)
        kinds = state.pop("_kinds")
        state.pop("_hooked", None)
        members = {kind: {} for kind in ("parameter", "buffer", "module")}
        for name, kind in kinds.items():
            members[kind][name] = state.pop(name)
        hooks = {name: state.pop(name, OrderedDict()) for name in _HOOKS}
        state = {
            "training": state.pop("training", module.training),
            "_parameters": members["parameter"],
            "_buffers": members["buffer"],
            "_non_persistent_buffers_set": state.pop("_non_persistent_buffers_set", set()),
            **hooks,
            **{name: getattr(module, name) for name in getattr(module, "_torch_has_too", ())},
            "_is_full_backward_hook": True if hooks["_backward_hooks"] else None,
            "_modules": members["module"],
            **state,
        }
    return state


_HOOKS = (
    "_backward_pre_hooks", "_backward_hooks", "_forward_hooks", "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called", "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)  # fmt: skip


def save(
    obj: Any, f, pickle_module=pickle, pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True, _disable_byteorder_record: bool = False,
) -> None:  # fmt: skip
    """Write ``obj`` (tensors, Parameters, state dicts, containers, modules) so that ``torch.load``,
    here or in PyTorch, reads it.

    What shares a storage shares it after reading; the whole storage is written. A path is replaced
    only once the file is whole and on the disk: whatever happens before, the old file stays.

    Args:
        f: a path, or a file object with ``write``.
        _use_new_zipfile_serialization: False writes the format that PyTorch had before 1.6.
    """
    if pickle_module is not pickle:
        raise NotImplementedError(f"torch.save(pickle_module={pickle_module!r})")
    if not hasattr(f, "write") and not isinstance(f, str | os.PathLike):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )
    if _use_new_zipfile_serialization:

        def write(file, name):
            _write_archive(obj, file, name, pickle_protocol, not _disable_byteorder_record)
    else:

        def write(file, name):
            _write_legacy(obj, file, pickle_protocol)

    if hasattr(f, "write"):
        write(f, "archive")
        return
    with replacing(Path(os.fspath(f))) as file:
        write(file, Path(os.fspath(f)).stem or "archive")


@contextlib.contextmanager
def replacing(path: Path):
    """A new file that takes the path's place when the block ends well, and else is gone.

    It is on the disk before it is renamed, and the renaming is before this returns.
    """
    if not path.parent.is_dir():
        raise RuntimeError(f"Parent directory {path.parent} does not exist.")
    path = path.resolve()  # through a link, the file it leads to is replaced
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every system opens folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_archive(obj, file, name: str, protocol: int, says_order: bool) -> None:
    buffer = io.BytesIO()
    pickler = Pickler(buffer, protocol, legacy=False)
    pickler.dump(obj)
    archive = Writer(file, name)
    archive.record("data.pkl", buffer.getvalue())
    if says_order:
        archive.record("byteorder", sys.byteorder.encode())
    for key, (storage, _) in pickler.storages.items():
        archive.record(f"data/{key}", _bytes(storage))
    archive.record("version", b"3\n")
    archive.close()


def _bytes(storage: UntypedStorage) -> np.ndarray:
    return np.zeros(storage.nbytes(), np.uint8) if options.skips_data() else storage.numpy()


def _write_legacy(obj, file, protocol: int) -> None:
    system = {
        "protocol_version": PROTOCOL_VERSION,
        "little_endian": sys.byteorder == "little",
        "type_sizes": {"short": 2, "int": 4, "long": 8},
    }
    for part in (MAGIC_NUMBER, PROTOCOL_VERSION, system):
        pickle.dump(part, file, protocol)
    pickler = Pickler(file, protocol, legacy=True)
    pickler.dump(obj)
    keys = sorted(pickler.storages)
    pickle.dump(keys, file, protocol)
    for key in keys:
        storage, dtype = pickler.storages[key]
        file.write(np.int64(storage.nbytes() // dtype.itemsize).tobytes())
        file.write(memoryview(_bytes(storage)))
