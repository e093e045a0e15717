"""``torch.autograd.anomaly_mode``."""

from jaxtorch.anomaly import (
    detect_anomaly as detect_anomaly,
    set_detect_anomaly as set_detect_anomaly,
)
