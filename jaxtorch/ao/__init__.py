"""``torch.ao``: the package around ``torch.ao.quantization``."""

from jaxtorch import left_out

__getattr__ = left_out.attributes_of(__name__)
