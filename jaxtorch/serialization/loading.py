"""``torch.load``: which format a file has, and the one of PyTorch 1.6 and later."""

from __future__ import annotations

import functools
import io
import os
import pickle
import warnings
from collections.abc import Callable
from typing import Any

from jaxtorch import dtypes
from jaxtorch.serialization import legacy_format, locations, names, options, safety
from jaxtorch.serialization.archive import MAGIC, Reader, zero_bytes
from jaxtorch.serialization.weights_only import Machine, Scan
from jaxtorch.storage import TypedStorage, UntypedStorage

__all__ = ["get_unsafe_globals_in_checkpoint", "load"]

_UNSAFE = (
    "In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` "
    "from `False` to `True`. Re-running `torch.load` with `weights_only` set to `False` will "
    "likely succeed, but it can result in arbitrary code execution. Do it only if you got the file "
    "from a trusted source."
)


def load(
    f, map_location=None, pickle_module=None, *, weights_only: bool | None = None,
    mmap: bool | None = None, **pickle_load_args,
) -> Any:  # fmt: skip
    """Read what ``torch.save`` wrote, here or in PyTorch of any version.

    Args:
        f: a path, or a file object that can seek.
        map_location: where storages go: a device, a dict from one place to another, or
            ``function(storage, location)`` that gives the storage there (None: where they were).
        weights_only: by default only tensors, containers and what ``add_safe_globals`` names are
            admitted, and nothing in the file is run; ``pickle.UnpicklingError`` otherwise.
        mmap: leave the file where it is and read what is looked at. A path is needed; checksums
            are not looked at.
    """
    weights_only = _decide(weights_only, pickle_module)
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if weights_only and pickle_load_args:
        warnings.warn("pickle_load_args only works if `weights_only=False`.", stacklevel=2)
    encoding = pickle_load_args.setdefault("encoding", "utf-8")
    restore = locations.restorer(map_location)

    def unpickler(file, persistent_load: Callable):
        if weights_only:
            return Machine(file, persistent_load, encoding)
        return _unpickler_class(pickle_module or pickle)(file, persistent_load, pickle_load_args)

    is_path = isinstance(f, str | os.PathLike)
    if is_path and os.fspath(f).endswith(".safetensors"):
        return _load_safetensors(os.fspath(f), map_location)
    if not is_path and not all(hasattr(f, name) for name in ("read", "readline", "seek", "tell")):
        raise AttributeError(
            f"{type(f).__name__!r}: You can only torch.load from a path, or from a file that is "
            "seekable. Please pre-load the data into a buffer like io.BytesIO and try to load from "
            "it instead."
        )
    file: Any = open(f, "rb") if is_path else f  # noqa: SIM115
    try:
        return _load(file, f if is_path else None, restore, unpickler, weights_only, bool(mmap))
    except pickle.UnpicklingError as error:
        if not weights_only:
            raise
        raise pickle.UnpicklingError(_explained(str(error))) from None
    finally:
        if is_path:
            file.close()


def _decide(weights_only: bool | None, pickle_module) -> bool:
    forced, freed = (
        os.environ.get(name, "0").lower() in ("1", "y", "yes", "true")
        for name in ("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
    )
    if forced and freed:
        raise RuntimeError(
            "Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` "
            "should be set, but both were set."
        )
    if forced:
        return True
    if weights_only is not None:
        return bool(weights_only)
    if freed:
        warnings.warn(
            "Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD detected, since the"
            "`weights_only` argument was not explicitly passed to `torch.load`, forcing "
            "weights_only=False.",
            stacklevel=3,
        )
        return False
    return pickle_module is None


def _explained(message: str) -> str:
    """torch's words for what was refused, and the way on."""
    if message.startswith("Unsupported global"):
        start = (
            "Weights only load failed. This file can still be loaded, to do so you have two "
            "options, \033[1mdo those steps only if you trust the source of the checkpoint\033[0m. "
            f"\n\t(1) {_UNSAFE}\n\t(2) Alternatively, to load with `weights_only=True` please "
            "check the recommended steps in the following error message.\n\tWeightsUnpickler "
            "error: "
        )
    else:
        start = f"Weights only load failed. {_UNSAFE}\nWeightsUnpickler error: "
    return start + message + "\n\nNothing in the file was run."


def _load(file, path, restore: Callable, unpickler: Callable, weights_only: bool, mmap: bool):
    start = file.tell()
    is_archive = file.read(len(MAGIC)) == MAGIC
    file.seek(start)
    if mmap and path is None:
        raise ValueError("f must be a file path in order to use the mmap argument")
    if is_archive:
        archive = Reader(file)
        if archive.has("constants.pkl"):
            raise NotImplementedError(
                "torch.load of a TorchScript archive (torch.jit.save): save the state_dict instead"
            )
        if mmap:
            archive.map(path)
        return _load_archive(archive, restore, unpickler)
    if mmap:
        raise RuntimeError(
            "mmap can only be used with files saved with "
            "`torch.save(_use_new_zipfile_serialization=True), please torch.save your checkpoint "
            "with this option in order to use mmap."
        )
    return legacy_format.load(file, restore, unpickler, weights_only)


def _load_archive(archive: Reader, restore: Callable, unpickler: Callable) -> Any:
    swaps = options.swaps_bytes(archive.read("byteorder") if archive.has("byteorder") else None)
    storages: dict[str, UntypedStorage] = {}

    def persistent_load(saved_id) -> TypedStorage:
        dtype, key, location, count = _checked(saved_id)
        size = count * dtype.itemsize
        if key not in storages:
            storages[key] = restore(_storage(archive, key, size, dtype, swaps), location)
        elif storages[key].nbytes() != size:
            raise pickle.UnpicklingError(f"storage {key} has two sizes")
        return TypedStorage(wrap_storage=storages[key], dtype=dtype, _internal=True)

    return unpickler(io.BytesIO(archive.read("data.pkl")), persistent_load).load()


def _checked(saved_id) -> tuple[dtypes.dtype, str, str, int]:
    """A storage's id in a pickle, if it is one."""
    if not isinstance(saved_id, tuple) or len(saved_id) != 5 or saved_id[0] != "storage":
        raise pickle.UnpicklingError(f"unknown persistent id {saved_id!r}")
    _, kind, key, location, count = saved_id
    if type(key) is not str or type(count) is not int or count < 0:
        raise pickle.UnpicklingError(f"unknown persistent id {saved_id!r}")
    if not isinstance(location, str | bytes):
        raise pickle.UnpicklingError(f"storage {key} is at {location!r}, which is no place")
    return safety.storage_dtype(kind), key, location, count  # type: ignore[return-value]


def _storage(archive: Reader, key: str, size: int, dtype, swaps: bool) -> UntypedStorage:
    found = archive.size(f"data/{key}")
    if found != size:
        raise RuntimeError(
            f"storage {key} has {found} bytes where {size} were announced: the file is damaged"
        )
    array = zero_bytes(size) if options.skips_data() else archive.array(f"data/{key}")
    return UntypedStorage.of_bytes(locations.swapped(array, dtype) if swaps else array)


@functools.cache
def _unpickler_class(pickle_module):
    """The pickle module's own unpickler, for a file that is trusted: with torch's names found
    here."""

    class Unpickler(pickle_module.Unpickler):
        def __init__(self, file, persistent_load: Callable, options: dict):
            super().__init__(file, **options)
            self.persistent_load = persistent_load

        def find_class(self, module: str, name: str):
            if module != "torch" and not module.startswith("torch."):
                return super().find_class(module, name)
            known = safety.names().get(f"{module}.{name}")
            return names.find(module, name) if known is None else known

    return Unpickler


def _load_safetensors(path: str, map_location):
    from jaxtorch.interop import safetensors

    if isinstance(map_location, dict) or callable(map_location):
        raise RuntimeError(
            "Loading safetensors file with dict or callable map_location is not supported. Use a "
            "device string or torch.device instead."
        )
    return safetensors.load_file(path, device="cpu" if map_location is None else map_location)


def get_unsafe_globals_in_checkpoint(f) -> list[str]:
    """The names in a checkpoint that ``load(weights_only=True)`` would refuse. Nothing is run."""
    is_path = isinstance(f, str | os.PathLike)
    file: Any = open(f, "rb") if is_path else f  # noqa: SIM115
    try:
        start = file.tell()
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        file.seek(start)
        archive = Reader(file)
        if archive.has("constants.pkl"):
            raise ValueError(
                "Expected input to be a checkpoint returned by torch.save but got a torchscript "
                "checkpoint"
            )
        scan = Scan(io.BytesIO(archive.read("data.pkl")))
        scan.load()
    finally:
        if is_path:
            file.close()
    return sorted(scan.globals - set(safety.names()) - set(safety.allowed_by_user()))
