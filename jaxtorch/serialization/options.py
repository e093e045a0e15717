"""Settings of ``save`` and ``load``."""

from __future__ import annotations

import mmap
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum


class LoadEndianness(Enum):
    """The byte order of a file that does not say."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


class SourceChangeWarning(Warning):
    """torch's warning that a module's source is not what it was; nothing here issues it."""


class _Options:
    endianness: LoadEndianness | None = None
    compute_crc32 = True


class _Local(threading.local):
    skip_data = False


_options = _Options()
_local = _Local()


def get_default_load_endianness() -> LoadEndianness | None:
    return _options.endianness


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """The byte order of files that do not say. None: little."""
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _options.endianness = endianness


def get_crc32_options() -> bool:
    return _options.compute_crc32


def set_crc32_options(compute_crc32: bool) -> None:
    """Whether ``save`` writes checksums. Without them ``load`` cannot tell that bytes changed."""
    _options.compute_crc32 = bool(compute_crc32)


def get_default_mmap_options() -> int:
    return mmap.MAP_PRIVATE


class set_default_mmap_options:
    """How ``load(mmap=True)`` maps a file: ``mmap.MAP_PRIVATE``, which is the default.

    NotImplementedError for ``MAP_SHARED``: nothing is written in place here, so that no write could
    reach the file.
    """

    def __init__(self, flags: int):
        if flags == mmap.MAP_SHARED:
            raise NotImplementedError("set_default_mmap_options(mmap.MAP_SHARED)")
        if flags != mmap.MAP_PRIVATE:
            raise ValueError(
                "Invalid argument in function set_default_mmap_options, expected mmap.MAP_PRIVATE "
                f"or mmap.MAP_SHARED, but got {flags}"
            )

    def __enter__(self) -> None: ...

    def __exit__(self, *exc_info) -> None: ...


class skip_data:
    """In this block ``save`` leaves zeros where the storages' bytes go, and ``load`` reads none of
    them: a checkpoint's shape without its contents."""

    def __init__(self, materialize_fake_tensors: bool = False):
        if materialize_fake_tensors:
            raise NotImplementedError("skip_data(materialize_fake_tensors=True)")

    def __enter__(self) -> None:
        self._before = _local.skip_data
        _local.skip_data = True

    def __exit__(self, *exc_info) -> None:
        _local.skip_data = self._before


def skips_data() -> bool:
    return _local.skip_data


def swaps_bytes(order: bytes | None) -> bool:
    """Are a file's bytes in the other order than this machine's? ``order``: what the file says."""
    import sys

    if order is None:
        said = _options.endianness or LoadEndianness.LITTLE
        if said is LoadEndianness.NATIVE:
            return False
        order = said.name.lower().encode()
    if order not in (b"little", b"big"):
        raise ValueError("Unknown endianness type: " + order.decode(errors="replace"))
    return order.decode() != sys.byteorder


@contextmanager
def mkdtemp() -> Iterator[str]:
    """A temporary folder for the block."""
    path = tempfile.mkdtemp()
    try:
        yield path
    finally:
        shutil.rmtree(path)


def check_module_version_greater_or_equal(
    module, req_version_tuple: tuple, error_if_malformed: bool = True
) -> bool:
    """Is ``module.__version__`` at least ``req_version_tuple``, part by part?"""
    import warnings

    try:
        parts = module.__version__.split(".")
        found = tuple(type(want)(parts[i]) for i, want in enumerate(req_version_tuple))
        return found >= req_version_tuple
    except Exception as error:
        message = (
            f"'{module.__name__}' module version string is malformed '{module.__version__}' and "
            f"cannot be compared with tuple {req_version_tuple}"
        )
        if error_if_malformed:
            raise RuntimeError(message) from error
        warnings.warn(message + ", but continuing assuming that requirement is met", stacklevel=2)
        return True
