"""``torch.xpu``: Intel's GPUs, of which JAX sees none."""

from jaxtorch import _absent_device

_absent_device.install(__name__)
