"""torch.save's zip format, read and written without torch.

A file is a zip of ``data.pkl`` (a pickle in which tensors refer to storages by number) and
``data/0``, ``data/1`` ... (the storages' bytes). Reading goes through an unpickler that admits only
an allow-list of names; a pickle that asks for anything else is refused before it runs.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import tempfile
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from jaxtorch import devices, dtypes
from jaxtorch.engine.handles import Handles, node_of_numpy
from jaxtorch.size import Size
from jaxtorch.tensor import Tensor

__all__ = ["add_safe_globals", "load", "save"]

_STORAGES = {f"{d.legacy}Storage": d for d in dtypes.ALL.values()}
_UNTYPED_MODERN = {"uint16", "uint32", "uint64"}  # torch names no storage class for these


# ---------------------------------------------------------------------------------------------
# Writing


class _Global:
    """A name of torch's to be written into the pickle as it is."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __call__(self, *arguments):  # pickle insists that what it writes as a call can be called
        raise TypeError(f"{self.module}.{self.name} is only a name here")


_REBUILD = _Global("torch._utils", "_rebuild_tensor_v2")
_REBUILD_V3 = _Global("torch._utils", "_rebuild_tensor_v3")
_REBUILD_PARAMETER = _Global("torch._utils", "_rebuild_parameter")


class _Storage:
    """One array's bytes, written once however many tensors share them."""

    def __init__(self, key: str, array: np.ndarray, dtype: dtypes.dtype, location: str):
        self.key, self.array, self.dtype, self.location = key, array, dtype, location


class _Pickler(pickle._Pickler):  # the Python one: the C one insists on importing what it names
    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.storages: dict[int, _Storage] = {}

    def persistent_id(self, obj):
        if not isinstance(obj, _Storage):
            return None
        kind = obj.dtype.legacy + "Storage"
        marker = _Global(
            "torch", kind if obj.dtype.name not in _UNTYPED_MODERN else "UntypedStorage"
        )
        return ("storage", marker, obj.key, obj.location, obj.array.size)

    def reducer_override(self, obj):
        if isinstance(obj, Tensor):
            return self._tensor(obj)
        if isinstance(obj, devices.device):
            index = () if obj.index is None else (obj.index,)
            return (_Global("torch", "device"), (obj.type, *index))
        if isinstance(obj, Size):
            return (_Global("torch", "Size"), (tuple(obj),))
        return NotImplemented

    def _tensor(self, t: Tensor):
        value = t.jax()
        storage = self.storages.get(id(value))
        if storage is None:
            place = str(t.device)
            storage = _Storage(str(len(self.storages)), np.asarray(value), t.dtype, place)
            storage.keep = value  # its id must stay its own until the file is written
            self.storages[id(value)] = storage
        stride = tuple(int(np.prod(t.shape[i + 1 :])) for i in range(t.dim()))
        leaf = t.is_leaf and t.requires_grad
        is_parameter = type(t).__name__ == "Parameter"
        arguments = (storage, 0, tuple(t.shape), stride, leaf and not is_parameter, OrderedDict())
        if t.dtype.name in _UNTYPED_MODERN:
            built = (_REBUILD_V3, (*arguments, _Global("torch", t.dtype.name)))
        else:
            built = (_REBUILD, arguments)
        if is_parameter:
            return (_REBUILD_PARAMETER, (_Built(*built), t.requires_grad, OrderedDict()))
        return built

    def save_global(self, obj, name=None):
        module = getattr(obj, "__module__", None) or ""
        if module == "jaxtorch" or module.startswith("jaxtorch."):
            self._write_name("torch" + module[len("jaxtorch") :], name or obj.__qualname__)
            self.memoize(obj)
        else:
            super().save_global(obj, name)

    def _write_name(self, module: str, name: str) -> None:
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())

    def _save_marker(self, obj):
        self._write_name(obj.module, obj.name)
        self.memoize(obj)

    def _save_built(self, obj):
        self.save_reduce(obj.function, obj.arguments, obj=obj)

    def _save_class(self, obj):
        self.save_global(obj)

    dispatch[_Global] = _save_marker
    dispatch[type] = _save_class


class _Built:
    """A call to be written: ``function(*arguments)``."""

    def __init__(self, function, arguments):
        self.function, self.arguments = function, arguments


_Pickler.dispatch[_Built] = _Pickler._save_built
_Pickler.dispatch[dtypes.dtype] = lambda pickler, d: pickler._save_marker(_Global("torch", d.name))


def save(
    obj: Any, f, pickle_module=pickle, pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:  # fmt: skip
    """Write ``obj`` (tensors, Parameters, state dicts, containers, modules) to a path or file
    object in the format that ``torch.load`` reads. A path is replaced only once the file is
    whole."""
    if pickle_module is not pickle or pickle_protocol != 2:
        raise NotImplementedError("torch.save(pickle_module=..., pickle_protocol=...)")
    if not _use_new_zipfile_serialization:
        raise NotImplementedError("torch.save(_use_new_zipfile_serialization=False)")
    if hasattr(f, "write"):
        _write(obj, f, "archive")
        return
    path = Path(os.fspath(f))
    if not path.parent.is_dir():
        raise RuntimeError(f"Parent directory {path.parent} does not exist.")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            _write(obj, file, path.stem or "archive")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write(obj, file, name: str) -> None:
    buffer = io.BytesIO()
    pickler = _Pickler(buffer)
    pickler.dump(obj)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{name}/data.pkl", buffer.getvalue())
        archive.writestr(f"{name}/byteorder", "little")
        for storage in pickler.storages.values():
            array = np.ascontiguousarray(storage.array)
            archive.writestr(f"{name}/data/{storage.key}", array.tobytes())
        archive.writestr(f"{name}/version", "3\n")


# ---------------------------------------------------------------------------------------------
# Reading


def _rebuild_tensor(storage, offset, size, stride, requires_grad=False, hooks=None, metadata=None):
    array, dtype, place = storage
    if not size or all(size):
        last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
        if offset < 0 or any(s < 0 for s in stride) or last >= array.size:
            raise RuntimeError(
                "a tensor in the file reaches outside its storage: the file is damaged"
            )
        strides = [s * array.itemsize for s in stride]
        viewed = np.lib.stride_tricks.as_strided(array[offset:], size, strides, writeable=False)
    else:
        viewed = np.empty(size, array.dtype)
    t = Handles.wrap(node_of_numpy(np.array(viewed), place))
    return t.requires_grad_() if requires_grad else t


def _rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata=None):
    array, _, place = storage
    return _rebuild_tensor(
        (array.view(dtype.numpy), dtype, place), offset, size, stride, requires_grad
    )


def _rebuild_parameter(data, requires_grad, hooks=None):
    from jaxtorch.nn.parameter import Parameter

    return Parameter(data, requires_grad=requires_grad)


def _rebuild_parameter_with_state(data, requires_grad, hooks, state):
    made = _rebuild_parameter(data, requires_grad)
    for name, value in state.items():
        setattr(made, name, value)
    return made


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _rebuild_tensor_v3,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter_with_state,
    ("torch", "Size"): Size,
    ("torch", "device"): devices.device,
    ("torch", "UntypedStorage"): dtypes.uint8,
    ("torch.storage", "UntypedStorage"): dtypes.uint8,
    **{("torch", name): d for name, d in _STORAGES.items()},
    **{("torch", name): d for name, d in dtypes.ALL.items()},
}
_MORE: dict[tuple[str, str], Any] = {}


def add_safe_globals(safe_globals: list) -> None:
    """Let ``load(weights_only=True)`` meet these classes and functions."""
    for item in safe_globals:
        obj, path = (
            item if isinstance(item, tuple) else (item, f"{item.__module__}.{item.__qualname__}")
        )
        module, _, name = path.rpartition(".")
        _MORE[module, name] = obj


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, weights_only: bool, storage_of):
        super().__init__(file)
        self.weights_only = weights_only
        self.storage_of = storage_of

    def find_class(self, module: str, name: str):
        for table in (_ALLOWED, _MORE):
            if (module, name) in table:
                return table[module, name]
        if not self.weights_only:
            if module == "torch" or module.startswith("torch."):
                module = "jaxtorch" + module[len("torch") :]
            return super().find_class(module, name)
        raise pickle.UnpicklingError(
            f"Weights only load failed: the file asks for {module}.{name}, which is not on the "
            f"list of "
            "what is known to be harmless, and nothing was run. If you trust the file, allow it "
            "with "
            "torch.serialization.add_safe_globals, or load with weights_only=False."
        )

    def persistent_load(self, saved_id):
        kind, storage_type, key, location, count = saved_id
        if kind != "storage" or not isinstance(storage_type, dtypes.dtype):
            raise pickle.UnpicklingError(f"unknown persistent id {saved_id!r}")
        return self.storage_of(storage_type, str(key), location, count)


def load(
    f, map_location=None, pickle_module=None, *, weights_only: bool | None = None,
    mmap: bool | None = None, **pickle_load_args,
):  # fmt: skip
    """Read what ``torch.save`` wrote, from a path or a file object.

    ``map_location`` says where tensors go (a device, a dict of devices, or a function of the
    storage and its location); by default where they were saved from. With ``weights_only`` (the
    default) only tensors, containers and what ``add_safe_globals`` names are admitted;
    UnpicklingError otherwise.
    """
    if pickle_module is not None or pickle_load_args:
        raise NotImplementedError("torch.load(pickle_module=..., **pickle_load_args)")
    if mmap:
        raise NotImplementedError("torch.load(mmap=True)")
    weights_only = True if weights_only is None else weights_only
    file = f if hasattr(f, "read") else open(os.fspath(f), "rb")  # noqa: SIM115
    try:
        if not zipfile.is_zipfile(file):
            raise RuntimeError(
                "the file is not a zip archive as torch.save writes it (PyTorch 1.6 and later): "
                "it is "
                "damaged, incomplete, or in the older format, which is not read"
            )
        file.seek(0)
        return _read(file, map_location, weights_only)
    finally:
        if file is not f:
            file.close()


def _read(file, map_location, weights_only: bool):
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        pickles = [n for n in names if n.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise RuntimeError("the archive has no data.pkl: it is not what torch.save writes")
        root = pickles[0][: -len("data.pkl")]
        order = archive.read(root + "byteorder") if root + "byteorder" in names else b"little"
        if order != b"little":
            raise NotImplementedError(f"torch.load of a {order.decode()}-endian file")
        storages: dict = {}

        def storage_of(dtype, key, location, count):
            if key not in storages:
                data = _bytes(archive, root + "data/" + key)
                if len(data) != count * dtype.itemsize:
                    raise RuntimeError(
                        f"storage {key} has {len(data)} bytes where {count} elements of {dtype} "
                        f"were "
                        "announced: the file is damaged"
                    )
                storages[key] = (
                    np.frombuffer(data, dtype.numpy),
                    dtype,
                    _place(location, map_location),
                )
            return storages[key]

        return _Unpickler(io.BytesIO(_bytes(archive, pickles[0])), weights_only, storage_of).load()


def _bytes(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (KeyError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise RuntimeError(f"the archive is damaged or incomplete: {error}") from error


def _place(location: str, map_location) -> str:
    if map_location is None:
        wanted = location
    elif isinstance(map_location, dict):
        wanted = map_location.get(location, location)
    elif callable(map_location):
        found = map_location(None, location)
        wanted = location if found is None else found
    else:
        wanted = map_location
    device = devices.device(wanted)
    try:
        return str(devices.from_jax(devices.jax_device(device)))
    except RuntimeError as error:
        raise RuntimeError(
            f"Attempting to deserialize a tensor saved on {location}, which is not here ({error}). "
            "If you want it in host memory, use torch.load with map_location=torch.device('cpu')."
        ) from error
