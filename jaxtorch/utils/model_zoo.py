"""``torch.utils.model_zoo``: the older names of ``torch.hub``'s."""

from typing import Any

from jaxtorch import hub
from jaxtorch.hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]


def __getattr__(name: str) -> Any:
    if name == "tqdm":
        return hub.tqdm
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'", name=name)
