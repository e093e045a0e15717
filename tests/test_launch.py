"""``python -m jaxtorch`` behaves as ``python`` does, except that torch is jaxtorch."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def run(*args, launcher=True, cwd=None, stdin=None, **options):
    command = [sys.executable, *(["-m", "jaxtorch"] if launcher else []), *map(str, args)]
    return subprocess.run(
        command,
        cwd=cwd,
        env=ENV,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=240,
        **options,
    )


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


SHOW = """\
import sys, os, __main__
print(sys.argv, os.path.realpath(sys.path[0] or "."), __name__, __doc__)
print(__main__.__dict__ is globals(), sorted(k for k in globals() if k[:2] == "__"))
print(globals().get("__file__"), __package__, __spec__ and __spec__.name, bool(__loader__))
"""

FAIL = """\
import sys
def inner(kind):
    if kind == "chain":
        try:
            {}["key"]
        except KeyError as error:
            raise ValueError("the second") from error
    if kind == "exit": raise SystemExit(7)
    if kind == "text": sys.exit("a last word")
    if kind == "group": raise ExceptionGroup("both", [ValueError(1), KeyError(2)])
    if kind == "hook": sys.excepthook = lambda k, v, t: print(k, t.tb_frame.f_code.co_name)
    if kind == "name": undefined_thing
    1 / 0
import atexit
atexit.register(print, "at exit")
inner(sys.argv[1])
"""


def same_as_python(*args, cwd=None, stdin=None):
    """Run it both ways: output, errors and exit code must agree to the letter."""
    ours = run(*args, cwd=cwd, stdin=stdin)
    theirs = run(*args, cwd=cwd, stdin=stdin, launcher=False)
    assert ours.stdout == theirs.stdout
    assert ours.stderr == theirs.stderr
    assert ours.returncode == theirs.returncode
    return ours


@pytest.mark.parametrize("form", ["script", "module", "code", "stdin", "folder", "zip", "pyc"])
def test_a_program_sees_what_it_would_see_under_python(tmp_path, form):
    write(tmp_path, "pack/age/show.py", SHOW)
    write(tmp_path, "folder/__main__.py", SHOW)
    if form == "script":
        same_as_python("pack/age/show.py", "a", "--b", "-c", cwd=tmp_path)
    elif form == "module":
        same_as_python("-m", "pack.age.show", "a", "-m", cwd=tmp_path)
    elif form == "code":
        same_as_python("-c", SHOW, "a", "-c", cwd=tmp_path)
    elif form == "stdin":
        same_as_python("-", "a", cwd=tmp_path, stdin=SHOW)
        same_as_python(cwd=tmp_path, stdin=SHOW)
    elif form == "folder":
        same_as_python("folder", "a", cwd=tmp_path)
    elif form == "zip":
        with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
            archive.writestr("__main__.py", SHOW)
        same_as_python("app.zip", "a", cwd=tmp_path)
    else:
        import py_compile

        py_compile.compile(str(tmp_path / "folder/__main__.py"), cfile=str(tmp_path / "show.pyc"))
        same_as_python("show.pyc", "a", cwd=tmp_path)


@pytest.mark.parametrize("kind", ["chain", "exit", "text", "group", "hook", "name"])
def test_errors_and_exit_codes_are_pythons(tmp_path, kind):
    same_as_python(write(tmp_path, "fail.py", FAIL), kind)


@pytest.mark.parametrize("form", ["module", "code", "stdin", "syntax", "missing", "no module"])
def test_errors_in_every_form_of_program_are_pythons(tmp_path, form):
    write(tmp_path, "fail.py", FAIL)
    write(tmp_path, "broken.py", "x = 1\nif x\n    pass\n")
    if form == "module":
        same_as_python("-m", "fail", "chain", cwd=tmp_path)
    elif form == "code":
        same_as_python("-c", FAIL, "chain", cwd=tmp_path)
    elif form == "stdin":
        same_as_python("-", "chain", cwd=tmp_path, stdin=FAIL)
    elif form == "syntax":
        same_as_python("broken.py", cwd=tmp_path)
    elif form == "missing":
        same_as_python("not_there.py", cwd=tmp_path)
    else:
        same_as_python("-m", "not_there", cwd=tmp_path)


def test_ctrl_c_ends_the_program_as_it_ends_python(tmp_path):
    script = write(tmp_path, "wait.py", "import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    ends = []
    for launcher in (["-m", "jaxtorch"], []):
        child = subprocess.Popen(
            [sys.executable, *launcher, str(script)],
            env=ENV,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None and child.stdout.readline() == "up\n"
        time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        ends.append((*child.communicate(timeout=60), child.returncode))
    assert ends[0] == ends[1]
    assert ends[0][2] == -signal.SIGINT and ends[0][1].endswith("KeyboardInterrupt\n")


def test_every_spelling_of_import_gives_the_one_module():
    out = run(
        "-c",
        """
import torch, torch.version, torch.utils.data, torch as th, torch.utils.data as data
from torch import version, utils
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import DataLoader as Again
import jaxtorch, jaxtorch.utils.data, sys, importlib, importlib.util, importlib.metadata
assert torch is th is jaxtorch and sys.modules["torch"] is jaxtorch
assert torch.utils.data is data is jaxtorch.utils.data and torch.version is jaxtorch.version
assert DataLoader is jaxtorch.utils.data.DataLoader is Again
assert importlib.import_module("torch.utils") is jaxtorch.utils
assert jaxtorch.__spec__.name == "jaxtorch"
assert jaxtorch.utils.data.__spec__.name == "jaxtorch.utils.data"
assert torch.__version__ == torch.version.__version__ == "2.13.0"
assert importlib.metadata.version("torch") == "2.13.0"
assert importlib.util.find_spec("torch") and importlib.util.find_spec("torch.not_there") is None
print("ok")
""",
    )
    assert out.stdout == "ok\n", out.stderr


MISSING = {
    "import torch\ntorch.not_there": "AttributeError: module 'torch' has no attribute 'not_there'",
    "import torch.utils.data as d\nd.NotThere": (
        "AttributeError: module 'torch.utils.data' has no attribute 'NotThere'"
    ),
    "import torch  # which imports the module when it is asked for\ntorch.distributions.NotThere": (
        "AttributeError: module 'torch.distributions' has no attribute 'NotThere'"
    ),
    "\nfrom torch import not_there": "ImportError: cannot import name 'not_there' from 'torch'",
    "\nfrom torch.utils.data import NotThere": (
        "ImportError: cannot import name 'NotThere' from 'torch.utils.data'"
    ),
    "\nimport torch.not_there": "ModuleNotFoundError: No module named 'torch.not_there'",
    "\nimport torch.utils.no.x": "ModuleNotFoundError: No module named 'torch.utils.no'",
    "\nfrom torch.no import x": "ModuleNotFoundError: No module named 'torch.no'",
}


def test_a_missing_name_fails_where_it_is_asked_for_and_says_its_full_name():
    program = f"""
import traceback
for code in {list(MISSING)!r}:
    try:
        exec(compile(code, "program", "exec"))
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
                 if frame.filename == "program"]
        print(lines, type(error).__name__ + ": " + str(error))
"""
    out = run("-c", program).stdout.splitlines()
    assert len(out) == len(MISSING)
    for line, error in zip(out, MISSING.values(), strict=True):
        assert line.startswith(f"[2] {error} (torch is jaxtorch here, which has no "), line


def test_an_ops_error_is_shown_soon_after_the_programs_line(tmp_path):
    script = write(tmp_path, "wrong.py", "import torch\ntorch.ones(2, 2) @ torch.ones(3)\n")
    lines = run(script).stderr.splitlines()
    assert lines[-1].startswith("RuntimeError: size mismatch, got input (2), mat (2x2), vec (3)")
    files = [line.split('"')[1] for line in lines if line.startswith("  File ")]
    assert files[0] == str(script) and len(files) <= 5, files


def test_asking_whether_a_name_is_there_is_answered():
    out = run(
        "-c",
        "import torch\n"
        "assert not hasattr(torch, 'not_there') and getattr(torch, 'no', 3) == 3\n"
        "try:\n    import torch.no\nexcept ImportError as e:\n    print(e.name)",
    )
    assert out.stdout == "torch.no\n", out.stderr


def test_another_package_that_imports_torch_gets_jaxtorch(tmp_path):
    write(
        tmp_path,
        "somebody.py",
        "import torch.utils.data\nfrom torch import version\nname = torch.__spec__.name",
    )
    out = run("-c", "import somebody; print(somebody.name)", cwd=tmp_path)
    assert out.stdout == "jaxtorch\n", out.stderr


CHILDREN = """
import multiprocessing as mp, sys, os
import torch
from torch.version import __version__ as v

def work(queue):
    import torch.utils as u
    queue.put((v, torch.__spec__.name, u.__spec__.name, __name__, sys.argv[1:]))

if __name__ == "__main__":
    os.chdir("/")
    context = mp.get_context(sys.argv[1])
    queue = context.Queue()
    child = context.Process(target=work, args=(queue,))
    child.start()
    print(queue.get(timeout=120))
    child.join()
    print(child.exitcode)
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("form", ["script", "module"])
def test_children_of_multiprocessing_have_torch_too(tmp_path, method, form):
    write(tmp_path, "children.py", CHILDREN)
    target = ["children.py"] if form == "script" else ["-m", "children"]
    out = run(*target, method, cwd=tmp_path)
    assert (
        out.stdout == f"('2.13.0', 'jaxtorch', 'jaxtorch.utils', '__mp_main__', ['{method}'])\n0\n"
    ), out.stderr


NAMES = """
import copy, pickle, torch
from torch import nn
from torch.distributions import Normal

class Net(nn.Linear):
    pass

weight = nn.Parameter(torch.ones(1))
values = [
    weight.detach(), weight, torch.float32, torch.Size([1]), torch.device("cpu"),
    torch.finfo(torch.half), torch.strided, torch.Generator(), Net(1, 1), (weight * 2).grad_fn,
    nn.LSTM(1, 1), torch.optim.SGD([weight], 0.1), Normal(0.0, 1.0),
    torch.utils.data.TensorDataset(weight), torch.max(torch.ones(1, 1), 0),
]
for value in values:
    print(type(value))
print(torch.linalg.LinAlgError, torch.optim.lr_scheduler.StepLR, torch.utils.data.DataLoader)
print(Normal(torch.zeros(2), 1.0).expand([3, 2]).batch_shape)
for value in (weight, values[3], values[10], values[12], nn.MultiheadAttention(2, 1)):
    print(type(pickle.loads(pickle.dumps(value))) is type(value), type(copy.deepcopy(value)))
"""


def test_classes_have_the_names_that_torch_has_for_them():
    ours = run("-c", NAMES)
    assert ours.returncode == 0, ours.stderr
    assert "<class 'torch.Tensor'>" in ours.stdout and "jaxtorch" not in ours.stdout
    if importlib.util.find_spec("torch") is not None:
        assert ours.stdout == run("-c", NAMES, launcher=False).stdout


IN_A_PROGRAM = """
import sys, jaxtorch, jaxtorch._C, jaxtorch._dynamo.eval_frame, jaxtorch.utils.data
from multiprocessing import spawn
ours = [m for name, m in sys.modules.items() if name.startswith("jaxtorch")]
homes = {c: c.__module__ for m in ours for c in vars(m).values() if isinstance(c, type)}
before = dict(sys.modules), list(sys.meta_path), spawn.get_preparation_data, dict(vars(jaxtorch))
jaxtorch.install()
jaxtorch.install()
import torch, torch.utils.data as d
assert torch is jaxtorch and d is jaxtorch.utils.data
assert str(torch.Tensor) == "<class 'torch.Tensor'>", torch.Tensor
jaxtorch.uninstall()
jaxtorch.uninstall()
after = dict(sys.modules), list(sys.meta_path), spawn.get_preparation_data, dict(vars(jaxtorch))
assert before == after
assert {c: c.__module__ for c in homes} == homes
assert str(jaxtorch.Tensor) == "<class 'jaxtorch.Tensor'>"
print("undone")
"""


def test_install_and_uninstall_in_a_program():
    out = run("-c", IN_A_PROGRAM, launcher=False)
    assert out.stdout == "undone\n", out.stderr


def test_install_leaves_a_torch_that_is_already_there_alone(tmp_path):
    write(tmp_path, "torch/__init__.py", "real = True")
    write(tmp_path, "torch/nn.py", "")
    code = """
import sys, torch, jaxtorch
before = dict(sys.modules), list(sys.meta_path)
try:
    jaxtorch.install()
except RuntimeError as error:
    print(error)
assert before == (dict(sys.modules), list(sys.meta_path)) and torch.real
import torch.nn
"""
    out = run("-c", code, cwd=tmp_path, launcher=False)
    assert out.stdout.startswith("'torch' is imported already, from ") and not out.stderr, (
        out.stderr
    )


def test_a_torch_on_the_path_is_not_imported_by_the_launcher(tmp_path):
    write(tmp_path, "torch/__init__.py", "raise SystemExit('the other torch was imported')")
    asked = "import torch; print(torch.__spec__.name, torch.__name__, torch.nn.__name__)"
    out = run("-c", asked, cwd=tmp_path)
    assert out.stdout == "jaxtorch torch torch.nn\n", out.stderr


def test_jaxtorch_itself_never_imports_torch():
    importing = re.compile(r"^\s*(import torch\b|from torch\b)", re.M)
    for path in (ROOT / "jaxtorch").rglob("*.py"):
        assert not importing.search(path.read_text()), path
