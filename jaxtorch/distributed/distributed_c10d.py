"""``torch.distributed.distributed_c10d``: where torch itself defines ``torch.distributed``."""

from jaxtorch.distributed._collectives import *  # noqa: F403
from jaxtorch.distributed._groups import *  # noqa: F403
from jaxtorch.distributed._groups import _made


def _get_default_group():
    """The group that ``init_process_group`` made."""
    return _made(None)
