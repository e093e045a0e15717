"""``torch.fx._pytree``: pytrees flattened by a structure that is known."""

from __future__ import annotations

from jaxtorch.utils._pytree import TreeSpec, register_pytree_node

__all__ = ["register_pytree_flatten_spec", "tree_flatten_spec"]

_FLATTENERS: dict = {}


def register_pytree_flatten_spec(cls, flatten_fn_spec, flatten_fn_exact_match_spec=None) -> None:
    """Take instances of ``cls`` apart by ``flatten_fn_spec(x, spec) -> children``."""
    if flatten_fn_exact_match_spec is not None:
        raise NotImplementedError("register_pytree_flatten_spec(flatten_fn_exact_match_spec=...)")
    _FLATTENERS[cls] = flatten_fn_spec


def tree_flatten_spec(pytree, spec: TreeSpec) -> list:
    """The leaves of ``pytree`` in the order in which ``spec`` has its own."""
    if spec.is_leaf():
        return [pytree]
    flatten = _FLATTENERS.get(spec.type)
    if flatten is None:
        if isinstance(pytree, (list, tuple)) and isinstance(spec.type, type):
            children = list(pytree)[: spec.num_children]
        elif isinstance(pytree, dict):
            children = [pytree[key] for key in spec.context]
        else:
            raise RuntimeError(
                f"{type(pytree)} does not have a flatten_fn_spec associated with it: "
                "torch.fx._pytree.register_pytree_flatten_spec gives it one"
            )
    else:
        children = flatten(pytree, spec)
    pairs = zip(children, spec.children(), strict=True)
    return [leaf for child, inner in pairs for leaf in tree_flatten_spec(child, inner)]


_register_pytree_node = register_pytree_node
