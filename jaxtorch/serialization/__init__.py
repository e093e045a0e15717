"""``torch.serialization``: checkpoints in PyTorch's formats, read and written without torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from jaxtorch import left_out
from jaxtorch.devices import device
from jaxtorch.serialization.loading import get_unsafe_globals_in_checkpoint, load
from jaxtorch.serialization.locations import (
    default_restore_location,
    location_tag,
    register_package,
    validate_cuda_device,
)
from jaxtorch.serialization.names import normalize_storage_type
from jaxtorch.serialization.options import (
    LoadEndianness,
    SourceChangeWarning,
    check_module_version_greater_or_equal,
    get_crc32_options,
    get_default_load_endianness,
    get_default_mmap_options,
    mkdtemp,
    set_crc32_options,
    set_default_load_endianness,
    set_default_mmap_options,
    skip_data,
)
from jaxtorch.serialization.safety import (
    StorageType,
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    safe_globals,
)
from jaxtorch.serialization.saving import save
from jaxtorch.storage import UntypedStorage

# What load's map_location may be, by the name that libraries import for their annotations.
MAP_LOCATION: TypeAlias = (
    Callable[[UntypedStorage, str], UntypedStorage | None] | device | str | dict[str, str] | None
)

__all__ = [
    "LoadEndianness",
    "SourceChangeWarning",
    "StorageType",
    "add_safe_globals",
    "check_module_version_greater_or_equal",
    "clear_safe_globals",
    "default_restore_location",
    "get_crc32_options",
    "get_default_load_endianness",
    "get_default_mmap_options",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "location_tag",
    "mkdtemp",
    "normalize_storage_type",
    "register_package",
    "safe_globals",
    "save",
    "set_crc32_options",
    "set_default_load_endianness",
    "set_default_mmap_options",
    "skip_data",
    "validate_cuda_device",
]

__getattr__ = left_out.attributes_of(__name__)
