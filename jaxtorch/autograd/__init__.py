"""Autograd as a program uses it: grad modes, ``backward``, ``grad``, ``Function``."""

from jaxtorch import left_out
from jaxtorch.anomaly import (
    detect_anomaly as detect_anomaly,
    set_detect_anomaly as set_detect_anomaly,
)
from jaxtorch.autograd import (
    anomaly_mode as anomaly_mode,
    forward_ad as forward_ad,
    function as function,
    functional as functional,
    grad_mode as grad_mode,
    graph as graph,
    variable as variable,
)
from jaxtorch.autograd.backward import (
    apply_node as apply_node,
    backward as backward,
    grad as grad,
)
from jaxtorch.autograd.function import Function as Function
from jaxtorch.autograd.grad_mode import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled,
    is_inference_mode_enabled as is_inference_mode_enabled,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
    set_multithreading_enabled as set_multithreading_enabled,
)
from jaxtorch.autograd.gradcheck import gradcheck as gradcheck, gradgradcheck as gradgradcheck
from jaxtorch.autograd.variable import Variable as Variable

__all__ = [
    "Function", "Variable", "backward", "detect_anomaly", "enable_grad", "forward_ad", "function",
    "functional", "grad", "grad_mode", "gradcheck", "gradgradcheck", "graph", "inference_mode",
    "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "set_detect_anomaly",
    "set_grad_enabled", "set_multithreading_enabled", "variable",
]  # fmt: skip

__getattr__ = left_out.attributes_of(__name__)
