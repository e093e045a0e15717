"""``python -m jaxtorch script.py``: run a program written for PyTorch, unmodified.

usage: python -m jaxtorch script.py [args]       a script, a directory or a zip file
       python -m jaxtorch -m package.module [args]
       python -m jaxtorch -c code [args]
       python -m jaxtorch [- [args]]             the program on standard input, or a prompt

``import torch`` finds jaxtorch; sys.argv, sys.path[0], __main__, tracebacks and exit codes are
what they are under Python itself.
"""

from __future__ import annotations

import builtins
import gc
import importlib.machinery
import io
import os
import pkgutil
import runpy
import sys
from types import ModuleType

from jaxtorch import alias, version


def _new_main(**attributes) -> dict:
    module = ModuleType("__main__")
    module.__dict__.update(
        __builtins__=builtins, __annotations__={}, __package__=None, __spec__=None, **attributes
    )
    # multiprocessing has both names for it: a worker process knows the module by the second.
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module
    return module.__dict__


def _set_path(first: str) -> None:
    """``python -m jaxtorch`` has put the working directory first; with ``-P``, nothing."""
    if not sys.flags.safe_path:
        sys.path[0] = first


def _run_script(path: str, args: list[str]) -> None:
    sys.argv[:] = [path, *args]
    if pkgutil.get_importer(path) is not None:  # a directory or a zip file with a __main__.py
        full = os.path.abspath(path)
        sys.path.insert(0, full) if sys.flags.safe_path else _set_path(full)
        _new_main()
        return runpy._run_module_as_main("__main__", alter_argv=False)  # type: ignore[attr-defined]
    full = os.path.abspath(path)
    try:
        with io.open_code(full) as file:
            code = pkgutil.read_code(file)
            if code is None:
                file.seek(0)
                source = file.read()
    except OSError as error:
        reason = f"[Errno {error.errno}] {error.strerror}"
        print(f"{sys.executable}: can't open file '{full}': {reason}", file=sys.stderr)
        sys.exit(2)
    _set_path(os.path.dirname(os.path.realpath(full)))
    loader = importlib.machinery.SourceFileLoader("__main__", full)
    namespace = _new_main(__file__=full, __cached__=None, __loader__=loader)
    exec(compile(source, full, "exec", dont_inherit=True) if code is None else code, namespace)


def _run_module(name: str, args: list[str]) -> None:
    sys.argv[:] = ["-m", *args]
    _new_main()
    runpy._run_module_as_main(name)  # type: ignore[attr-defined]


def _run_text(text: str, filename: str, first_argument: str, args: list[str]) -> None:
    sys.argv[:] = [first_argument, *args]
    _set_path("")
    if filename == "<stdin>":
        loader = importlib.machinery.SourceFileLoader("__main__", filename)
        namespace = _new_main(__file__=filename, __cached__=None, __loader__=loader)
    else:
        namespace = _new_main(__loader__=importlib.machinery.BuiltinImporter)
    exec(compile(text, filename, "exec", dont_inherit=True), namespace)


def _prompt(args: list[str]) -> None:
    import code

    sys.argv[:] = args or [""]
    _set_path("")
    banner = f"Python {sys.version} with jaxtorch {version.jaxtorch} as torch"
    code.interact(
        banner, local=_new_main(__loader__=importlib.machinery.BuiltinImporter), exitmsg=""
    )


def _run(argv: list[str]) -> None:
    first, rest = (argv[0], argv[1:]) if argv else ("-", [])
    if first in ("-h", "--help", "-?"):
        print(__doc__)
    elif first in ("-V", "--version"):
        print(f"jaxtorch {version.jaxtorch} (PyTorch {version.__version__})")
    elif first == "-" and sys.stdin.isatty():
        _prompt(argv)
    elif first == "-":
        _run_text(sys.stdin.read(), "<stdin>", "-" if argv else "", rest)
    elif first[:2] in ("-m", "-c"):
        option, value = first[:2], first[2:]
        if not value:
            if not rest:
                print(f"Argument expected for the {option} option\n{__doc__}", file=sys.stderr)
                sys.exit(2)
            value, *rest = rest
        if option == "-m":
            _run_module(value, rest)
        else:
            _run_text(value, "<string>", "-c", rest)
    elif first.startswith("-"):
        print(f"Unknown option: {first}\n{__doc__}", file=sys.stderr)
        sys.exit(2)
    else:
        _run_script(first, rest)


def _hide_launcher(error: BaseException) -> None:
    """Have the error shown as Python shows it when the program is run directly.

    The exception must go on upwards for Python to find the right exit code (130 after Ctrl-C); the
    frames it passes are the launcher's, so the hook that prints it gets the traceback without them.
    """
    program = error.__traceback__
    while program is not None and program.tb_frame.f_code.co_filename == __file__:
        program = program.tb_next
    hook = sys.excepthook

    def show(kind, value, traceback):
        sys.excepthook = hook
        sys.last_traceback = value.__traceback__ = program
        hook(kind, value, program)

    sys.excepthook = show


def main() -> None:
    """Run the program that the command line names."""
    alias.install()
    gc.freeze()  # JAX and this package stay: the collector need not look at them again and again
    try:
        _run(sys.argv[1:])
    except SystemExit:
        raise
    except BaseException as error:
        _hide_launcher(error)
        raise


if __name__ == "__main__":
    main()
