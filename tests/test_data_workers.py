"""A DataLoader's workers: what they deliver, how they fail, and that they leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import jaxtorch as torch
from jaxtorch.utils import data
from tests import samples
from tests.reference import data_orders
from tests.test_data import EXPECTED, plain

ROOT = Path(__file__).parent.parent


def numbers(loader) -> list:
    return [batch.tolist() for batch in loader]


def wait_until(condition, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("options", [{}, {"prefetch_factor": 5}, {"persistent_workers": True}])
def test_workers_deliver_what_this_process_would(options):
    dataset = samples.Numbers(11)
    here = [plain(batch) for batch in data.DataLoader(dataset, 3)]
    loader = data.DataLoader(dataset, 3, num_workers=2, **options)
    for _ in range(2):
        assert [plain(batch) for batch in loader] == here


@pytest.mark.parametrize("name", data_orders.WITH_WORKERS)
def test_the_order_with_workers_is_pytorchs_too(name):
    case = data_orders.cases(torch, num_workers=2)[name]
    assert data_orders.answer(torch, case) == EXPECTED["with workers: " + name]


def test_out_of_order_every_batch_comes_once():
    loader = data.DataLoader(samples.Failing(5), num_workers=2, in_order=False)
    assert sorted(numbers(loader)) == [[0], [1], [2], [3], [4]]


def test_arrays_stay_arrays_where_the_collate_fn_makes_them_and_can_be_written():
    loader = data.DataLoader(samples.Failing(5), 3, num_workers=1, collate_fn=samples.as_numpy)
    for batch in loader:
        assert isinstance(batch, np.ndarray)
        batch += 1


def test_tensors_made_in_a_worker():
    here, there = (data.DataLoader(samples.Tensors(4), 2, num_workers=n) for n in (0, 1))
    assert [plain(batch) for batch in there] == [plain(batch) for batch in here]
    assert next(iter(there))[2].dtype is torch.bfloat16


def test_tensor_dataset_in_workers():
    x, y = torch.arange(30.0).reshape(10, 3), torch.arange(10)
    both = [
        [plain(b) for b in data.DataLoader(data.TensorDataset(x, y), 4, num_workers=n)]
        for n in (0, 2)
    ]
    assert both[0] == both[1]


def test_samples_without_batches():
    loader = data.DataLoader(samples.Numbers(3), None, num_workers=2)
    assert plain(list(loader)[2])[1][:2] == [("torch.float32", [[2.0] * 3] * 2), ("int", 2)]


def test_streams_are_shared_out():
    loader = data.DataLoader(samples.Stream(11), 2, num_workers=2)
    assert numbers(loader) == [[0, 2], [1, 3], [4, 6], [5, 7], [8, 10], [9]]
    loader = data.DataLoader(samples.Stream(3, share=False), 2, num_workers=2)
    assert numbers(loader) == [[0, 1], [0, 1], [2], [2]]
    loader = data.DataLoader(samples.Stream(5), None, num_workers=2, persistent_workers=True)
    assert [list(loader), list(loader)] == [[0, 1, 2, 3, 4]] * 2


def test_one_stream_ends_long_before_the_other():
    loader = data.DataLoader(
        samples.Stream(12), None, num_workers=2, worker_init_fn=samples.start_at_tens
    )
    assert list(loader) == [0, 11, 2, 4, 6, 8, 10]


def test_seeds_are_pytorchs():
    torch.manual_seed(0)
    loader = data.DataLoader(samples.Seeds(2), None, num_workers=2)
    assert [list(sample) for sample in loader] == EXPECTED["worker seeds"]


def test_a_long_list_of_indices_and_a_short_one():
    loader = data.DataLoader(samples.Failing(5), batch_sampler=[[0, 1] * 20000, [2]], num_workers=1)
    assert [len(batch) for batch in loader] == [40000, 1]


# -- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, KeyError, RuntimeError, IndexError])
def test_an_error_is_raised_again_with_its_type_and_traceback(error):
    batches = iter(data.DataLoader(samples.Failing(8, error), 2, num_workers=2))
    assert [next(batches).tolist(), next(batches).tolist()] == [[0, 1], [2, 3]]
    with pytest.raises(error) as caught:
        next(batches)
    text = str(caught.value)
    assert text.startswith(f"Caught {error.__name__} in DataLoader worker process 0.\nOriginal Tra")
    assert "samples.py" in text and 'raise self.error("five is right out")' in text
    assert next(batches).tolist() == [6, 7]  # the loader goes on


def test_an_error_that_takes_other_arguments_becomes_a_runtime_error():
    with pytest.raises(RuntimeError, match="Caught Odd in DataLoader worker process 0"):
        next(iter(data.DataLoader(samples.FailingOddly(), num_workers=1)))


def test_an_error_in_worker_init_fn_is_raised_again():
    loader = data.DataLoader(samples.Numbers(), num_workers=1, worker_init_fn=samples.fail_to_start)
    with pytest.raises(OSError, match="no such disk"):
        next(iter(loader))


def test_a_batch_that_cannot_be_sent_is_an_error_that_says_so():
    loader = data.DataLoader(samples.Failing(3), num_workers=1, collate_fn=samples.not_picklable)
    with pytest.raises(Exception, match="(?s)in DataLoader worker process 0.*pickle"):
        next(iter(loader))


@pytest.mark.parametrize(
    "dataset, text",
    [(samples.Dying(8), "is killed by signal: Killed"), (samples.Exiting(8), "exit code 3")],
)
def test_a_worker_that_dies_is_noticed_at_once(dataset, text):
    began = time.monotonic()
    with pytest.raises(RuntimeError, match=rf"DataLoader worker \(pid\(s\) \d+\) .*{text}"):
        list(data.DataLoader(dataset, 2, num_workers=2))
    assert time.monotonic() - began < 20


def test_after_a_death_persistent_workers_are_hired_anew():
    loader = data.DataLoader(samples.Dying(8), 2, num_workers=2, persistent_workers=True)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="is killed by signal"):
            list(loader)


def test_waiting_too_long_is_an_error():
    loader = data.DataLoader(samples.Slow(), num_workers=1, timeout=1)
    with pytest.raises(RuntimeError, match="DataLoader timed out after 1 seconds"):
        next(iter(loader))


# -- what cannot be sent to a process ---------------------------------------------------------


def test_what_cannot_be_pickled_is_served_by_threads_with_a_warning_that_names_it():
    dataset = samples.Failing(5)
    dataset.transforms = [str, lambda x: x]  # type: ignore[attr-defined]
    with pytest.warns(UserWarning, match=r"dataset.transforms\[1\] \(a lambda defined at .*py:\d"):
        batches = numbers(data.DataLoader(dataset, 2, num_workers=2))
    assert batches == [[0, 1], [2, 3], [4]]
    collate = lambda batch: len(batch)  # noqa: E731
    loader = data.DataLoader(samples.Failing(5), 2, num_workers=1, collate_fn=collate)
    with pytest.warns(UserWarning, match="collate_fn .a lambda defined at"):
        assert list(loader) == [2, 2, 1]


def test_threads_raise_end_and_seed_as_processes_do():
    class Here(samples.Seeds):
        def __getitem__(self, i):
            info = data.get_worker_info()
            assert info is not None and info.worker_method == "thread"
            draw = torch.rand(1, generator=info.rng.torch_generator).item()
            return info.id, info.num_workers, info.seed, type(self).__name__, draw

    class Failing(samples.Failing):
        pass

    torch.manual_seed(0)
    expected = EXPECTED["worker seeds"]
    with pytest.warns(UserWarning, match="workers are threads"):
        got = list(data.DataLoader(Here(2), None, num_workers=2))
    assert [[*g[:3], g[4]] for g in got] == [[*e[:3], e[5]] for e in expected]
    with pytest.warns(UserWarning, match="workers are threads"):
        batches = iter(data.DataLoader(Failing(8), 2, num_workers=2))
    with pytest.raises(ValueError, match="in DataLoader worker thread 0"):
        list(batches)


# -- programs ---------------------------------------------------------------------------------


def start(text: str, tmp_path, *options: str, launcher: bool = False) -> subprocess.Popen:
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(text))
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, *options, *(["-m", "jaxtorch"] if launcher else []), str(script)],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(program: subprocess.Popen) -> tuple[str, str]:
    out, err = program.communicate(timeout=180)
    assert program.returncode == 0, err
    return out, err


OWN_CLASSES = """
    import collections, os
    import torch
    from torch.utils.data import DataLoader, Dataset

    Point = collections.namedtuple("Point", "x y")

    class Mine(Dataset):
        def __len__(self): return 4
        def __getitem__(self, i): return Point(i, float(i))

    class Odd(Exception): pass

    class Broken(Mine):
        def __getitem__(self, i): raise Odd("mine")

    def main():
        for batch in DataLoader(Mine(), 2, num_workers=2):
            print(batch, type(batch) is Point)
        try:
            list(DataLoader(Broken(), num_workers=1))
        except Odd as error:
            print("Odd", str(error).splitlines()[0])
"""


def test_a_guarded_script_has_processes_for_its_own_classes(tmp_path):
    program = start(
        OWN_CLASSES + "\n    if __name__ == '__main__': main()", tmp_path, launcher=True
    )
    out, err = finish(program)
    assert not err
    assert out.splitlines() == [
        "Point(x=tensor([0, 1]), y=tensor([0., 1.], dtype=torch.float64)) True",
        "Point(x=tensor([2, 3]), y=tensor([2., 3.], dtype=torch.float64)) True",
        "Odd Caught Odd in DataLoader worker process 0.",
    ]


def test_a_script_without_a_guard_has_threads_and_is_told_why(tmp_path):
    out, err = finish(start(OWN_CLASSES + "\n    main()", tmp_path, launcher=True))
    assert out.count("True") == 2 and "Odd Caught Odd in DataLoader worker thread 0." in out
    assert "which has no \"if __name__ == '__main__':\"" in err


def test_a_class_defined_behind_the_guard_has_threads_and_is_told_why(tmp_path):
    text = """
    from torch.utils.data import DataLoader, Dataset
    if __name__ == "__main__":
        class Hidden(Dataset):
            def __len__(self): return 2
            def __getitem__(self, i): return i
        print([batch.item() for batch in DataLoader(Hidden(), num_workers=1)])
    """
    out, err = finish(start(text, tmp_path, launcher=True))
    assert out == "[0, 1]\n"
    assert "threads, not processes: the dataset uses Hidden" in err


def test_a_script_without_a_guard_has_processes_for_what_is_not_its_own(tmp_path):
    text = """
        print("once")
        from tests import samples
        from jaxtorch.utils.data import DataLoader
        pids = {pids.item() for pids, _ in DataLoader(samples.WhoAmI(4), num_workers=2)}
        import os
        print(len(pids), os.getpid() in pids)
    """
    assert finish(start(text, tmp_path)) == ("once\n2 False\n", "")


def shared_memory() -> set[str]:
    return {name for name in os.listdir("/dev/shm")} if os.path.isdir("/dev/shm") else set()


ENDINGS = {
    "at its end": "pass",
    "in the middle": "break",
    "by an error": "raise SystemExit(0)",
    "by os._exit": "os._exit(0)",
    "by a kill": "os.kill(os.getpid(), 9)",
    "while workers are busy": "busy = iter(DataLoader(samples.Slow(), num_workers=2)); break",
}


@pytest.mark.parametrize(
    "ending, persistent",
    [*((ending, False) for ending in ENDINGS), ("at its end", True), ("by a kill", True)],
)
def test_nothing_is_left_behind(tmp_path, ending, persistent):
    before = shared_memory()
    text = f"""
        import os
        from tests import samples
        from jaxtorch.utils.data import DataLoader
        if __name__ == "__main__":
            loader = DataLoader(samples.Big(12), 2, num_workers=2, persistent_workers={persistent})
            batches = iter(loader)
            print(*[worker.pid for worker in batches._crew.processes], flush=True)
            kept = []
            for batch in batches:
                kept.append(batch)
                {ENDINGS[ending]}
    """
    program = start(text, tmp_path)
    out, err = program.communicate(timeout=180)
    assert not err
    pids = [int(pid) for pid in out.split()]
    assert len(pids) == 2
    assert wait_until(lambda: not any(alive(pid) for pid in pids))
    assert wait_until(lambda: not shared_memory() - before)


@pytest.mark.parametrize("dataset", ["samples.Numbers(10000)", "samples.Slow()"])
def test_ctrl_c_leaves_no_orphan_and_one_traceback(tmp_path, dataset):
    text = f"""
        from tests import samples
        from jaxtorch.utils.data import DataLoader
        if __name__ == "__main__":
            batches = iter(DataLoader({dataset}, num_workers=2))
            print(*[worker.pid for worker in batches._crew.processes], flush=True)
            for batch in batches:
                pass
    """
    program = start(text, tmp_path)
    assert program.stdout is not None
    pids = [int(pid) for pid in program.stdout.readline().split()]
    time.sleep(2.0)  # past the workers' own start
    os.killpg(program.pid, signal.SIGINT)  # as the terminal does, to all of the group
    _, err = program.communicate(timeout=60)
    assert program.returncode == -signal.SIGINT
    assert err.count("Traceback") == 1 and err.endswith("KeyboardInterrupt\n"), err
    assert wait_until(lambda: not any(alive(pid) for pid in pids))


def test_many_batches_can_be_kept():
    """Each holds shared memory; none may hold a file descriptor for good."""
    loader = data.DataLoader(samples.Numbers(400), 1, num_workers=2)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    kept = list(loader)
    if before:
        assert len(os.listdir("/proc/self/fd")) - before < 200
    assert [batch[1].item() for batch in kept] == list(range(400))


def test_a_worker_starts_no_xla_for_samples_that_are_arrays(tmp_path):
    text = """
        import jax
        from tests import samples
        from jaxtorch.utils.data import DataLoader, Dataset

        class Check(samples.Numbers):
            def __getitem__(self, i):
                from jax._src import xla_bridge
                return super().__getitem__(i), xla_bridge.backends_are_initialized()

        if __name__ == "__main__":
            batches = list(DataLoader(Check(8), 2, num_workers=2))
            print(any(flags.any().item() for _, flags in batches))
    """
    assert finish(start(text, tmp_path)) == ("False\n", "")


def test_too_many_workers_are_warned_of():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with pytest.warns(UserWarning, match="suggested max number of worker in current"):
        data.DataLoader(samples.Numbers(), num_workers=cores + 1)
