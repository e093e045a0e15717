"""``torch.mtia``: Meta's accelerators, of which JAX sees none."""

from jaxtorch import _absent_device

_absent_device.install(__name__)
