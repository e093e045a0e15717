"""``torch.utils``."""

from jaxtorch import left_out
from jaxtorch.engine.handles import TensorBase
from jaxtorch.utils import data, dlpack, hooks

__all__ = ["data", "dlpack", "hooks", "set_module", "swap_tensors"]


def set_module(obj, mod: str) -> None:
    """Say that an object is of the module ``mod``."""
    if not isinstance(mod, str):
        raise TypeError("The mod argument should be a string")
    obj.__module__ = mod


def swap_tensors(t1, t2) -> None:
    """Exchange two tensors: value, history, attributes and class; who holds one holds the other."""
    if t1.__class__ is not t2.__class__ and not (
        set(t1.__class__.__mro__) & set(t2.__class__.__mro__) - {object}
    ):
        raise RuntimeError("Cannot swap t1 and t2: their classes have nothing in common")
    for t in (t1, t2):
        if isinstance(t._base, TensorBase):
            raise RuntimeError("Cannot swap a tensor that is a view of another")
    mine, theirs = dict(t1.__dict__), dict(t2.__dict__)
    t1.__dict__.clear()
    t1.__dict__.update(theirs)
    t2.__dict__.clear()
    t2.__dict__.update(mine)
    t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    for t in (t1, t2):
        if t._meta is not None and t._meta.owner is not None:
            t._meta.owner = type(t._meta.owner)(t)
        storage = t._storage() if t._storage is not None else None
        if storage is not None:
            storage.owner = type(storage.owner)(t)


__getattr__ = left_out.attributes_of(__name__)
