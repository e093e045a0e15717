"""Where a file says its storages were, and where they go: tags, ``map_location``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxtorch import devices, dtypes
from jaxtorch.storage import TypedStorage, UntypedStorage

__all__ = [
    "default_restore_location", "location_tag", "register_package", "validate_cuda_device",
]  # fmt: skip

_packages: list[tuple[int, Callable, Callable]] = []


def register_package(priority: int, tagger: Callable, deserializer: Callable) -> None:
    """Add a way to tag storages when they are saved, and to place those with a tag when loaded.

    Args:
        priority: the lowest is asked first; jaxtorch's own come last.
        tagger: ``tagger(storage)`` gives the tag, or None.
        deserializer: ``deserializer(storage, tag)`` gives the storage on its device, or None.
    """
    _packages.append((priority, tagger, deserializer))
    _packages.sort(key=lambda package: package[0])


def location_tag(storage) -> str:
    """The tag of a storage: its device's name, unless a registered package has another."""
    for _, tagger, _ in _packages:
        tag = tagger(storage)
        if tag:
            return tag
    return str(storage.device)


def default_restore_location(storage, location: str):
    """The storage on the device that the tag names. RuntimeError if that device is not here."""
    for _, _, deserializer in _packages:
        found = deserializer(storage, location)
        if found is not None:
            return found
    place = place_of(location)
    untyped = storage.untyped()
    if untyped._home is None:
        untyped._place = place
        return storage
    return storage.to(device=place)


def place_of(location: str | bytes) -> str:
    """The device of a tag. RuntimeError, with the way out, where it is not here."""
    if isinstance(location, bytes):
        location = location.decode("ascii")
    try:
        device = devices.device(location)
    except RuntimeError as error:
        raise RuntimeError(
            "don't know how to restore data location of torch.storage.UntypedStorage (tagged with "
            f"{location})"
        ) from error
    there = devices.platform_devices(device.type)
    if device.type == "cuda":
        validate_cuda_device(location)
    elif not there:
        raise RuntimeError(
            f"Attempting to deserialize a storage of {location}, a device that is not here. Use "
            "torch.load with map_location=torch.device('cpu') to map your storages to the CPU."
        )
    return str(devices.from_jax(devices.jax_device(device)))


def validate_cuda_device(location: str) -> int:
    """The index of a CUDA device. RuntimeError if this process has none such."""
    count = len(devices.platform_devices("cuda"))
    index = devices.device(location).index or 0
    if not count:
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is "
            "False. If you are running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu') to map your storages to the CPU."
        )
    if index >= count:
        raise RuntimeError(
            f"Attempting to deserialize object on CUDA device {index} but "
            f"torch.cuda.device_count() is {count}. Please use torch.load with map_location to map "
            "your storages to an existing device."
        )
    return index


def restorer(map_location: Any) -> Callable[[UntypedStorage, str], UntypedStorage]:
    """What ``load`` does with each storage and its tag."""
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):
        return lambda storage, location: default_restore_location(
            storage, str(map_location.get(location, location))
        )
    if isinstance(map_location, str | bytes | os.PathLike | devices.device | int):
        wanted = devices.device(map_location) if isinstance(map_location, int) else map_location
        place = place_of(wanted if isinstance(wanted, bytes) else str(wanted))
        return lambda storage, location: default_restore_location(storage, place)
    if not callable(map_location):
        raise TypeError(f"map_location: a device, a dict or a function, not {map_location!r}")

    def restore(storage, location):
        found = map_location(storage, location)
        if found is None:
            return default_restore_location(storage, location)
        return found.untyped() if isinstance(found, TypedStorage) else found

    return restore


def swapped(array: np.ndarray, dtype: dtypes.dtype) -> np.ndarray:
    """The bytes of numbers of the other byte order, turned around: a complex number is two."""
    itemsize = dtype.itemsize // (1 + dtype.is_complex)
    return np.ascontiguousarray(array.reshape(-1, itemsize)[:, ::-1]).reshape(-1)
