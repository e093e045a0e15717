"""What a node's arguments are kept in: lists and dicts that refuse to be written to, so that who
uses whom is always known."""

from __future__ import annotations

from jaxtorch.utils._pytree import MappingKey, SequenceKey, register_pytree_node

__all__ = ["immutable_dict", "immutable_list"]


def _refuse(self, *args, **kwargs):
    raise TypeError(
        f"{type(self).__name__!r} object does not support mutation. A node's arguments are "
        "replaced as a whole (node.args = new_args, node.kwargs = new_kwargs)"
    )


class immutable_list(list):
    __delitem__ = __iadd__ = __imul__ = __setitem__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __reduce__(self):
        return type(self), (tuple(self),)


class immutable_dict(dict):
    __delitem__ = __ior__ = __setitem__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self):
        return type(self), (tuple(self.items()),)


register_pytree_node(
    immutable_list,
    lambda x: (list(x), None),
    lambda values, _: immutable_list(values),
    flatten_with_keys_fn=lambda x: ([(SequenceKey(i), v) for i, v in enumerate(x)], None),
)
register_pytree_node(
    immutable_dict,
    lambda d: (list(d.values()), list(d)),
    lambda values, keys: immutable_dict(zip(keys, values, strict=True)),
    flatten_with_keys_fn=lambda d: ([(MappingKey(k), v) for k, v in d.items()], list(d)),
)
