"""``torch.quantization``: it can be imported, and who asks for anything in it is told why not."""

from jaxtorch import left_out

__getattr__ = left_out.attributes_of(__name__)
