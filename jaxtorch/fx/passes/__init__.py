"""``torch.fx.passes``: what is done with graphs as a whole."""

from jaxtorch import left_out

__all__ = ["shape_prop", "split_module", "utils"]

__getattr__ = left_out.attributes_of(__name__)
