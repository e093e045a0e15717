"""``torch.utils.tensorboard``: TensorBoard's files, written by the package tensorboardX
(``pip install "jaxtorch[tensorboard]"``)."""

from __future__ import annotations

from typing import Any

try:
    import tensorboardX
except ImportError as error:
    raise ImportError(
        'torch.utils.tensorboard needs tensorboardX: pip install "jaxtorch[tensorboard]"'
    ) from error
from tensorboardX import FileWriter as FileWriter, RecordWriter as RecordWriter

__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]


class SummaryWriter(tensorboardX.SummaryWriter):
    """Writes scalars, pictures and the like to a folder that TensorBoard shows.

    As torch's; what tensorboardX has not raises NotImplementedError.
    """

    def __init__(
        self, log_dir=None, comment: str = "", purge_step: int | None = None, max_queue: int = 10,
        flush_secs: int = 120, filename_suffix: str = "",
    ):  # fmt: skip
        super().__init__(log_dir, comment, purge_step, max_queue, flush_secs, filename_suffix)
        self.log_dir = self.logdir

    def add_scalar(
        self, tag, scalar_value, global_step=None, walltime=None, new_style: bool = False,
        double_precision: bool = False,
    ) -> None:  # fmt: skip
        if new_style or double_precision:
            raise NotImplementedError("SummaryWriter.add_scalar(new_style=, double_precision=)")
        super().add_scalar(tag, scalar_value, global_step, walltime)

    def add_hparams(
        self, hparam_dict, metric_dict, hparam_domain_discrete=None, run_name=None,
        global_step=None,
    ) -> None:  # fmt: skip
        if hparam_domain_discrete is not None:
            raise NotImplementedError("SummaryWriter.add_hparams(hparam_domain_discrete=...)")
        super().add_hparams(hparam_dict, metric_dict, run_name, global_step)

    def add_graph(self, model: Any, *args, **kwargs) -> None:
        raise NotImplementedError(
            "SummaryWriter.add_graph: it is TorchScript's graph that PyTorch shows. "
            "jaxtorch.summary(model, *inputs) prints a table"
        )
