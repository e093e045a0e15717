"""torch.profiler: ops counted and timed, blocks with names, schedules."""

import json

import pytest

import jaxtorch as torch
from jaxtorch import nn
from jaxtorch.profiler import ProfilerAction, profile, record_function, schedule


def step(net, x):
    loss = net(x).square().mean()
    loss.backward()
    return loss.item()


def test_ops_are_counted_and_timed(tmp_path):
    net, x = nn.Linear(8, 8), torch.ones(4, 8)
    with profile(record_shapes=True) as prof:
        for _ in range(2):
            with record_function("one step"):
                step(net, x)
    averages = {event.key: event for event in prof.key_averages()}
    assert averages["one step"].count == 2 and averages["one step"].is_user_annotation
    assert averages["aten::linear"].count == averages["aten::mean"].count == 2
    inner = sum(e.cpu_time_total for e in prof.events() if not e.is_user_annotation)
    assert 0 < inner <= averages["one step"].cpu_time_total
    assert averages["one step"].self_cpu_time_total < averages["one step"].cpu_time_total
    text = prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=3)
    assert "Self CPU %" in text and "# of Calls" in text and text.count("aten::") <= 3
    by_shape = prof.key_averages(group_by_input_shape=True)
    shapes = [e.input_shapes for e in by_shape if e.key == "aten::linear"]
    assert shapes == [((4, 8), (8, 8), (8,))] and "Input Shapes" in by_shape.table()
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert len(events) == len(prof.events()) and all(e["dur"] >= 0 for e in events)


def test_nothing_is_recorded_outside():
    net, x = nn.Linear(8, 8), torch.ones(4, 8)
    with profile() as prof:
        step(net, x)
    count = len(prof.events())
    with record_function("alone"):
        step(net, x)
    assert len(prof.events()) == count
    with torch.autograd.profiler.profile(enabled=False) as off:
        step(net, x)
    assert len(off.function_events) == 0
    with torch.autograd.profiler.profile() as on:
        step(net, x)
    assert "aten::linear" in on.table() and on.self_cpu_time_total > 0


def test_schedules():
    plan = schedule(wait=1, warmup=1, active=2, repeat=1, skip_first=1)
    none, warmup = ProfilerAction.NONE, ProfilerAction.WARMUP
    assert [plan(i) for i in range(6)] == [
        none, none, warmup, ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE, none,
    ]  # fmt: skip
    net, x, ready = nn.Linear(8, 8), torch.ones(4, 8), []
    with profile(
        schedule=schedule(wait=1, warmup=0, active=2, repeat=1),
        on_trace_ready=lambda p: ready.append(len(p.events())),
    ) as prof:
        for _ in range(5):
            step(net, x)
            prof.step()
    assert len(ready) == 1 and ready[0] > 0
    assert {e.key: e.count for e in prof.key_averages()}["aten::linear"] == 2
    with pytest.raises(ValueError, match="active must be positive"):
        schedule(wait=0, warmup=0, active=0)


def test_what_is_not_recorded_is_refused():
    with pytest.raises(NotImplementedError, match="profile_memory, with_stack"):
        profile(profile_memory=True, with_stack=True)
    with profile() as prof, pytest.raises(RuntimeError, match="already enabled"):
        profile().start()
    with pytest.raises(NotImplementedError, match="sort_by='cuda_time_total'"):
        prof.key_averages().table(sort_by="cuda_time_total")
    with pytest.raises(NotImplementedError, match="emit_nvtx: tools of"):
        torch.autograd.profiler.emit_nvtx()
