"""Process groups, of which the one process is the only member.

One process drives all devices of a machine under JAX: what PyTorch spreads over processes is an
array sharded over devices (``jax.sharding``, ``jaxtorch.jit``). A program written for several
processes runs here as the process of rank 0 of one.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

__all__ = [
    "Backend", "GroupMember", "ProcessGroup", "default_pg_timeout", "destroy_process_group",
    "get_backend", "get_backend_config", "get_default_backend_for_device", "get_global_rank",
    "get_group_rank", "get_node_local_rank", "get_pg_count", "get_process_group_ranks", "get_rank",
    "get_world_size", "group", "init_process_group", "is_available", "is_backend_available",
    "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available",
    "is_torchelastic_launched", "is_ucc_available", "is_xccl_available", "member", "new_group",
    "new_subgroups",
]  # fmt: skip

default_pg_timeout = timedelta(minutes=30)
SEVERAL = (
    "jaxtorch.distributed has one process: {what}. Start one process for all devices and spread "
    "the work over them with jax.sharding and jaxtorch.jit (several machines: "
    "jax.distributed.initialize)"
)


class Backend(str):
    """A backend's name. None of them has anything to send here."""

    UNDEFINED, GLOO, NCCL, UCC, MPI, XCCL = "undefined", "gloo", "nccl", "ucc", "mpi", "xccl"
    backend_list = [UNDEFINED, GLOO, NCCL, XCCL, UCC, MPI]

    def __new__(cls, name: str):
        if not isinstance(name, str):
            raise ValueError(f"Backend constructor parameter must be string-ish, got {type(name)}")
        return super().__new__(cls, name.lower())


class ProcessGroup:
    """A group of processes: this one."""

    def __init__(self, backend: str, name: str):
        self.backend, self.group_name = Backend(backend), name

    def rank(self) -> int:
        return 0

    def size(self) -> int:
        return 1

    def name(self) -> str:
        return self.backend


class _World:
    """``dist.group.WORLD``: the group that ``init_process_group`` made."""

    _made: ProcessGroup | None = None

    @property
    def WORLD(self) -> ProcessGroup | None:
        return self._made

    NON_GROUP_MEMBER = object()


GroupMember = group = _World()
member = group
_groups: list[ProcessGroup] = []


def is_available() -> bool:
    return True


def is_initialized() -> bool:
    return group._made is not None


def is_backend_available(backend: str) -> bool:
    """Whether a name is one of torch's: at one process each does as well."""
    return backend.lower() in Backend.backend_list


def is_gloo_available() -> bool:
    return True


def is_nccl_available() -> bool:
    return False


is_mpi_available = is_ucc_available = is_xccl_available = is_nccl_available


def is_torchelastic_launched() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


def init_process_group(
    backend: str | None = None, init_method: str | None = None, timeout: timedelta | None = None,
    world_size: int = -1, rank: int = -1, store=None, group_name: str = "", pg_options=None,
    device_id=None, _ranks=None,
) -> None:  # fmt: skip
    """Make the group of this process. Rank and world size are those given, or RANK and WORLD_SIZE
    of the environment: more than one process raises NotImplementedError. There is nothing to wait
    for and nobody to meet, so ``timeout``, ``store`` and the address in ``init_method`` are not
    looked at."""
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    if init_method is None or init_method.startswith("env://"):
        world_size = _from_environment("WORLD_SIZE", world_size, store)
        rank = _from_environment("RANK", rank, store)
    elif rank < 0 or world_size < 0:
        raise ValueError(
            f"Error initializing torch.distributed using {init_method} rendezvous: rank and "
            "world_size are needed"
        )
    if world_size != 1 or rank != 0:
        raise NotImplementedError(SEVERAL.format(what=f"rank {rank} of {world_size} was asked for"))
    group._made = ProcessGroup(backend or "gloo", group_name or "default_pg")
    _groups.append(group._made)


def _from_environment(name: str, given: int, store) -> int:
    if given >= 0:
        return given
    if name not in os.environ:
        raise ValueError(
            "Error initializing torch.distributed using env:// rendezvous: environment variable "
            f"{name} expected, but not set"
        )
    return int(os.environ[name])


def destroy_process_group(group: Any = None) -> None:
    """Forget a group; with the world's, which None means, all of them."""
    of = _made(group)
    if of is GroupMember._made:
        GroupMember._made = None
        _groups.clear()
    elif of in _groups:
        _groups.remove(of)


def _made(of: Any) -> ProcessGroup:
    """The group meant; ValueError before there is one."""
    if group._made is None:
        raise ValueError(
            "Default process group has not been initialized, please make sure to call "
            "init_process_group."
        )
    return group._made if of is None else of


def get_rank(group: Any = None) -> int:
    _made(group)
    return 0


def get_world_size(group: Any = None) -> int:
    _made(group)
    return 1


def get_backend(group: Any = None) -> Backend:
    return _made(group).backend


def get_backend_config(group: Any = None) -> str:
    name = get_backend(group)
    return f"cpu:{name},cuda:{name}"


def get_default_backend_for_device(device) -> str:
    """The name that torch would take for a device."""
    kind = str(device).partition(":")[0]
    return {"cuda": "nccl", "xpu": "xccl"}.get(kind, "gloo")


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is None:
        raise RuntimeError(
            "LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow "
            "`get_node_local_rank` to work, assuming you are not running in a multi-device context"
        )
    return int(fallback_rank)


def new_group(
    ranks=None, timeout=None, backend=None, pg_options=None,
    use_local_synchronization: bool = False, group_desc=None, device_id=None,
    sort_ranks: bool = True,
) -> ProcessGroup:  # fmt: skip
    """Another group of this process, if it is among ``ranks``."""
    _made(None)
    ranks = [0] if ranks is None else list(ranks)
    if ranks != [0]:
        raise ValueError(
            f"the new group's ranks {ranks} should be those of the world: [0] of 1 process"
        )
    made = ProcessGroup(backend or get_backend(), group_desc or f"group{len(_groups)}")
    _groups.append(made)
    return made


def new_subgroups(group_size: int | None = None, group=None, **options):
    """(this process's subgroup, all of them)."""
    if group_size not in (None, 1):
        raise ValueError(f"group_size {group_size} is larger than the world of 1 process")
    made = new_group(**options)
    return made, [made]


def get_process_group_ranks(group: Any = None) -> list[int]:
    _made(group)
    return [0]


def get_global_rank(group: Any, group_rank: int) -> int:
    _known_rank(group, group_rank)
    return 0


def get_group_rank(group: Any, global_rank: int) -> int:
    _known_rank(group, global_rank)
    return 0


def _known_rank(group: Any, rank: int) -> None:
    _made(group)
    if rank != 0:
        raise ValueError(f"rank {rank} is not part of a group of 1 process")


def get_pg_count() -> int:
    return len(_groups)
