"""``torch.jit.annotations``: the names that annotations of scripted functions use."""

from typing import (  # noqa: UP035
    Any as Any,
    Dict as Dict,
    List as List,
    Optional as Optional,
    Tuple as Tuple,
    Union as Union,
)

from jaxtorch import left_out
from jaxtorch.futures import Future as Future

__all__ = []


class BroadcastingListCls:
    """``BroadcastingList2[int]``: a number, or a list of as many."""

    def __getitem__(self, kind: Any) -> Any:
        return kind | list[kind]


BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = BroadcastingListCls()
BroadcastingList4 = BroadcastingList5 = BroadcastingList6 = BroadcastingListCls()

__getattr__ = left_out.attributes_of(__name__)
