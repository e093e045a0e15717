"""``torch.utils.data._utils``, which programs reach into for ``collate``."""

from jaxtorch.utils.data import collate as collate
