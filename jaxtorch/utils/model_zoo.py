"""``torch.utils.model_zoo``: the older names of ``torch.hub``'s."""

from jaxtorch.hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]
