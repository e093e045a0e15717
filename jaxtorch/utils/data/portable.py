"""Whether worker processes can be given what they need, and if not, what stands in the way."""

from __future__ import annotations

import ast
import pickletools
import sys
import types

from jaxtorch.utils.data import transport
from jaxtorch.utils.data.fetch import Reading

__all__ = ["NotPortable", "prepare"]


class NotPortable(Exception):
    """Says what a worker process could not be given, and why."""


def prepare(reading: Reading) -> tuple[transport.Packed | bytes, bool]:
    """The reading, packed for workers, and whether they need ``__main__`` to unpack it."""
    try:
        data, buffers = transport.dumps(reading)
    except Exception as error:
        raise NotPortable(_blame(reading, error)) from None
    needs_main = b"__main__" in data
    if needs_main and (problem := _problem_with_main(data)):
        raise NotPortable(problem)
    return transport.Packed(data, buffers), needs_main


def _error_of(obj) -> Exception | None:
    try:
        transport.dumps(obj)
    except Exception as error:
        return error
    return None


def _name(obj) -> str:
    if isinstance(obj, types.FunctionType):
        code = obj.__code__
        kind = "a lambda" if obj.__name__ == "<lambda>" else f"the function {obj.__qualname__}"
        return f"{kind} defined at {code.co_filename}:{code.co_firstlineno}"
    return f"of type {type(obj).__module__}.{type(obj).__qualname__}"


def _blame(obj, error: Exception, path: str = "", depth: int = 0) -> str:
    """The innermost part that cannot be pickled: ``dataset.transform (a lambda defined at …)``."""
    parts: dict[str, object] = {}
    if isinstance(obj, dict):
        parts = {f"{path}[{key!r}]": value for key, value in obj.items()}
    elif isinstance(obj, list | tuple):
        parts = {f"{path}[{i}]": value for i, value in enumerate(obj)}
    elif hasattr(obj, "__dict__") and not isinstance(obj, type | types.FunctionType):
        dot = f"{path}." if path else ""
        parts = {f"{dot}{name}": value for name, value in vars(obj).items()}
    for name, value in parts.items():
        if depth < 8 and (inner := _error_of(value)) is not None:
            return _blame(value, inner, name, depth + 1)
    return f"{path or 'the dataset'} ({_name(obj)}) cannot be pickled: {error}"


def _problem_with_main(data: bytes) -> str | None:
    """Why workers cannot import ``__main__``, where what they are given was defined."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    if path is None:
        return (
            "the dataset uses something defined in __main__, which here is no file that a worker "
            "process could import (a prompt or a notebook): put it in a module"
        )
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return None
    guarded = [n for n in tree.body if isinstance(n, ast.If) and _asks_for_main(n.test)]
    if guarded:
        hidden = {name for guard in guarded for name in _defined(guard.body)} - _defined(tree.body)
        if not hidden:
            return None
        texts = {arg for _, arg, _ in pickletools.genops(data) if isinstance(arg, str)}
        used = sorted(hidden & {text.partition(".")[0] for text in texts})
        if not used:
            return None
        return (
            f"the dataset uses {', '.join(used)}, which {path} defines within "
            "\"if __name__ == '__main__':\", where a worker process that imports it does not come"
        )
    return (
        f"the dataset uses something defined in {path}, which has no "
        "\"if __name__ == '__main__':\" around what it runs: a worker process that imports it "
        "would run the program again"
    )


def _defined(body: list[ast.stmt]) -> set[str]:
    """The classes and functions that statements define by themselves."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {statement.name for statement in body if isinstance(statement, kinds)}


def _asks_for_main(test: ast.expr) -> bool:
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    texts = {node.value for node in ast.walk(test) if isinstance(node, ast.Constant)}
    return "__name__" in names and "__main__" in texts
