"""``torch.utils.data._utils.collate``: the names of ``jaxtorch.utils.data.collate``."""

from jaxtorch.utils.data.collate import (
    collate as collate,
    default_collate as default_collate,
    default_collate_fn_map as default_collate_fn_map,
    default_convert as default_convert,
)
