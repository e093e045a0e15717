"""Copies of a module on several devices, through which gradients find the way back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.parallel.scatter_gather import device_of
from jaxtorch.tensor import Tensor

__all__ = ["replicate"]


def replicate(network: Module, devices: Sequence, detach: bool = False) -> list[Module]:
    """``network`` once for each device, with copies of its parameters and buffers there.

    A copy's parameters are no leaves: what arrives at them goes on to the network's own, unless
    ``detach``. (DataParallel does without: see there.)
    """
    return [_Copies(device, detach).of(network) for device in devices]


class _Copies:
    """The copies on one device, each made once."""

    def __init__(self, device, detach: bool):
        self.device = device_of(device)
        self.detach = detach
        self.made: dict[int, Module | Tensor] = {}

    def of(self, module: Module) -> Module:
        if id(module) in self.made:
            return self.made[id(module)]
        copy = self.made[id(module)] = module._replicate_for_data_parallel()
        copy._former_parameters = OrderedDict()
        for name, child in module._modules.items():
            copy._modules[name] = None if child is None else self.of(child)
        for name, param in module._parameters.items():
            if param is None:
                copy._parameters[name] = None
            else:
                copy._former_parameters[name] = self.tensor(param)
                setattr(copy, name, copy._former_parameters[name])
        for name, buffer in module._buffers.items():
            if buffer is not None:
                copy._buffers[name] = buffer.detach().to(self.device)
        return copy

    def tensor(self, t: Tensor) -> Tensor:
        if id(t) not in self.made:
            there = (t.detach() if self.detach else t).to(self.device)
            self.made[id(t)] = t.view_as(t) if there is t else there
        return self.made[id(t)]
