"""DistributedDataParallel among one process: gradients are averaged with nobody else's."""

from __future__ import annotations

import contextlib
from typing import Any

from jaxtorch import distributed
from jaxtorch.distributed.algorithms.join import Join, Joinable, JoinHook, _JoinConfig
from jaxtorch.nn.modules.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module, Joinable):
    """``module`` under the name ``module``, called and trained as it is.

    The options say when and how gradients travel between processes; of one process none do, but a
    hook of ``register_comm_hook`` raises. Needs ``init_process_group``, as in torch.
    """

    def __init__(
        self, module, device_ids=None, output_device=None, dim: int = 0, broadcast_buffers=None,
        init_sync: bool = True, process_group=None, bucket_cap_mb=None,
        find_unused_parameters: bool = False, check_reduction: bool = False,
        gradient_as_bucket_view: bool = False, static_graph: bool = False,
        delay_all_reduce_named_params=None, param_to_hook_all_reduce=None, mixed_precision=None,
        device_mesh=None, skip_all_reduce_unused_params: bool = False, bucket_cap_mb_list=None,
        batched_grad_copy: bool = False, forward_sync_buffers=None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._join_config = _JoinConfig()
        if mixed_precision is not None:
            raise NotImplementedError("DistributedDataParallel(mixed_precision=...): use autocast")
        if device_mesh is not None:
            raise NotImplementedError("DistributedDataParallel(device_mesh=...): use jax.sharding")
        distributed.get_world_size(process_group)
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter "
                "that requires a gradient."
            )
        self.module = module
        self.dim = dim
        self.device_ids = device_ids
        self.output_device = output_device
        self.process_group = process_group
        self.broadcast_buffers = True if broadcast_buffers is None else broadcast_buffers
        self.find_unused_parameters = find_unused_parameters
        self.static_graph = static_graph
        self.require_backward_grad_sync = True

    def forward(self, *inputs: Any, **kwargs: Any):
        Join.notify_join_context(self)
        return self.module(*inputs, **kwargs)

    @contextlib.contextmanager
    def no_sync(self):
        """Gradients add up without travelling, as they do here anyhow."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    @contextlib.contextmanager
    def join(
        self, divide_by_initial_world_size=True, enable=True, throw_on_early_termination=False
    ):
        """Nobody else can run out of batches first."""
        yield self

    def join_hook(self, **kwargs: Any) -> JoinHook:
        """Nothing is left to do at the end: no other process is behind."""
        return JoinHook()

    @property
    def join_device(self):
        return next(self.module.parameters()).device

    @property
    def join_process_group(self):
        return self.process_group

    def register_comm_hook(self, state, hook) -> None:
        raise NotImplementedError(
            "DistributedDataParallel.register_comm_hook: no gradients travel between processes"
        )
