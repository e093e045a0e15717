"""``torch.distributed`` for one process, which drives all its devices (see ``_groups``)."""

from jaxtorch import left_out
from jaxtorch.distributed import _collectives, _groups, nn as nn
from jaxtorch.distributed._collectives import *  # noqa: F403
from jaxtorch.distributed._groups import *  # noqa: F403
from jaxtorch.exceptions import (
    DistBackendError as DistBackendError,
    DistError as DistError,
    DistNetworkError as DistNetworkError,
    DistStoreError as DistStoreError,
)

__all__ = [
    "DistBackendError", "DistError", "DistNetworkError", "DistStoreError",
    "nn", *_collectives.__all__, *_groups.__all__,
]  # fmt: skip

__getattr__ = left_out.attributes_of(__name__)
