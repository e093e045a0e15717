"""``torch.onnx``: programs import it for a line that few of their runs reach."""

from __future__ import annotations

from jaxtorch import left_out

__all__ = ["is_in_onnx_export"]


def is_in_onnx_export() -> bool:
    """False: nothing is exported here."""
    return False


__getattr__ = left_out.attributes_of(__name__)
