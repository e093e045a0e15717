"""``torch.ao.quantization``: see ``torch.quantization``, its older name."""

from jaxtorch import left_out

__getattr__ = left_out.attributes_of(__name__)
