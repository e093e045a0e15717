"""torch.distributed and its wrappers for a world of one process."""

import pytest

import jaxtorch as torch
from jaxtorch import distributed as dist, nn
from jaxtorch.distributed.algorithms.join import Join, Joinable, JoinHook


@pytest.fixture
def world():
    dist.init_process_group("gloo", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_before_there_is_a_group(monkeypatch):
    assert dist.is_available() and not dist.is_initialized()
    for function in (dist.get_rank, dist.get_world_size, dist.barrier):
        with pytest.raises(ValueError, match="Default process group has not been initialized"):
            function()
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(ValueError, match="environment variable RANK expected, but not set"):
        dist.init_process_group("nccl")
    monkeypatch.setenv("RANK", "0")
    dist.init_process_group("nccl")
    assert dist.get_backend() == "nccl"
    dist.destroy_process_group()
    with pytest.raises(NotImplementedError, match="rank 1 of 4 was asked for.*jax.sharding"):
        dist.init_process_group("gloo", rank=1, world_size=4)
    assert not dist.is_initialized()


def test_the_group(world):
    assert (dist.get_rank(), dist.get_world_size(), dist.group.WORLD.size()) == (0, 1, 1)
    assert dist.get_process_group_ranks(dist.group.WORLD) == [0]
    own = dist.new_group([0])
    assert dist.get_rank(own) == 0 and dist.get_pg_count() == 2
    with pytest.raises(ValueError, match="twice"):
        dist.init_process_group("gloo", rank=0, world_size=1)
    with pytest.raises(ValueError, match="should be those of the world"):
        dist.new_group([0, 1])


def test_collectives_of_one(world):
    x = torch.tensor([1.0, 2.0])
    assert dist.all_reduce(x) is None and x.tolist() == [1, 2]
    work = dist.all_reduce(x, op=dist.ReduceOp.MAX, async_op=True)
    assert work.wait() and work.is_completed()
    assert dist.broadcast(x, src=0) is None and dist.reduce(x, dst=0) is None
    for collect in (dist.all_gather, dist.gather):
        gathered = [torch.zeros(2)]
        collect(gathered, x) if collect is dist.all_gather else collect(x, gathered)
        assert gathered[0].tolist() == [1, 2]
    for into in (dist.all_gather_into_tensor, dist.reduce_scatter_tensor, dist.all_to_all_single):
        out = torch.zeros(1, 2)
        into(out, x)
        assert out.tolist() == [[1, 2]]
    out = torch.zeros(2)
    dist.scatter(out, [x * 3])
    assert out.tolist() == [3, 6]
    dist.reduce_scatter(out, [x])
    assert out.tolist() == [1, 2]
    objects = [None]
    dist.all_gather_object(objects, {"loss": 1})
    dist.broadcast_object_list(objects)
    assert objects == [{"loss": 1}]
    with pytest.raises(RuntimeError, match="invalid root rank: 1"):
        dist.broadcast(x, src=1)
    with pytest.raises(ValueError, match="send has nobody to talk to"):
        dist.send(x, 0)


def test_wrapped_modules_train_as_they_are(world):
    net = nn.Linear(2, 1)
    wrapped = nn.parallel.DistributedDataParallel(net)
    assert list(wrapped.state_dict()) == ["module.weight", "module.bias"]
    with wrapped.no_sync():
        wrapped(torch.ones(3, 2)).sum().backward()
    assert net.weight.grad.tolist() == [[3, 3]]
    assert nn.DataParallel(net)(torch.ones(1, 2)).tolist() == net(torch.ones(1, 2)).tolist()
    with pytest.raises(RuntimeError, match="doesn't have any parameter that requires a gradient"):
        nn.parallel.DistributedDataParallel(nn.ReLU())
    with pytest.raises(NotImplementedError, match="register_comm_hook"):
        wrapped.register_comm_hook(None, None)


def test_collectives_that_return_their_results(world):
    x = torch.ones(2, requires_grad=True)
    assert dist.nn.all_reduce(x) is x and dist.nn.broadcast(x, 0) is x
    (gathered,) = dist.nn.functional.all_gather(x)
    gathered.sum().backward()
    assert x.grad.tolist() == [1, 1]
    assert dist.nn.all_to_all([torch.zeros(2)], [x]) == (x,)
    with pytest.raises(RuntimeError, match="invalid root rank"):
        dist.nn.broadcast(x, 1)


class Noted(Joinable):
    """Counts what a context asks of it."""

    def __init__(self, group=None):
        super().__init__()
        self.group, self.seen = group, []

    def join_hook(self, **kwargs):
        noted = self

        class Hook(JoinHook):
            def post_hook(self, is_last_joiner):
                noted.seen.append((is_last_joiner, kwargs))

        return Hook()

    @property
    def join_device(self):
        return torch.device("cpu")

    @property
    def join_process_group(self):
        return self.group


def test_one_process_is_the_last_to_join(world):
    first, second = Noted(), Noted()
    net = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))
    with Join([first, second, net], scale=2):
        assert Join.notify_join_context(first).wait() and Join.notify_join_context(second) is None
        net(torch.ones(1, 2)).sum().backward()
        assert not first.seen
    assert first.seen == second.seen == [(True, {"scale": 2})]
    with Join([first], enable=False):
        assert Join.notify_join_context(first) is None
    with pytest.raises(KeyError), Join([first]):
        raise KeyError
    assert len(first.seen) == 1


def test_what_cannot_join(world):
    with pytest.raises(ValueError, match="at least one joinable"):
        Join([])
    with pytest.raises(ValueError, match="multiple process groups"):
        Join([Noted(), Noted(dist.new_group([0]))])
    with pytest.raises(AssertionError, match="calls the ``Joinable`` constructor"):
        Join.notify_join_context(object())


def test_no_tensor_is_a_dtensor_and_no_module_is_sharded():
    from jaxtorch.distributed.fsdp import FullyShardedDataParallel
    from jaxtorch.distributed.tensor import DTensor

    assert not isinstance(torch.ones(1), DTensor) and issubclass(DTensor, torch.Tensor)
    assert not isinstance(torch.nn.Linear(1, 1), FullyShardedDataParallel)
    for make in (DTensor, DTensor.from_local, FullyShardedDataParallel):
        with pytest.raises(NotImplementedError, match="one process drives all devices here"):
            make(torch.ones(1))
    for module, name in ((torch.distributed.tensor, "zeros"), (torch.distributed.fsdp, "wrap")):
        with pytest.raises(AttributeError, match=f"{name} is left out"):
            getattr(module, name)


def test_placements_are_values():
    from jaxtorch.distributed.tensor import Partial, Placement, Replicate, Shard

    assert [repr(p) for p in (Shard(1), Replicate(), Partial("avg"))] == [
        "Shard(dim=1)", "Replicate()", "Partial(avg)",
    ]  # fmt: skip
    assert f"{Shard(1)} {Replicate()} {Partial()}" == "S(1) R P(sum)"
    assert Shard(1) == Shard(1) != Shard(0) and len({Replicate(), Replicate()}) == 1
    assert Shard(1).is_shard() and Shard(1).is_shard(1) and not Shard(1).is_shard(0)
    assert Partial("avg").is_partial("avg") and not Partial().is_partial("avg")
    assert Replicate().is_replicate() and not isinstance(Replicate(), Shard)
    assert isinstance(Shard(0), Placement)
    with pytest.raises(TypeError):
        Shard(1.0)
    with pytest.raises(AttributeError):
        Shard(0).dim = 1
