"""``import torch`` resolved to jaxtorch, and back: ``install()`` and ``uninstall()``.

``torch`` and ``torch.X.Y`` become further names of the module objects ``jaxtorch`` and
``jaxtorch.X.Y``, so that ``torch.nn.Linear is jaxtorch.nn.Linear`` whoever imported it.
"""

from __future__ import annotations

import dis
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import sys
from types import ModuleType
from typing import Any

from jaxtorch import children, left_out, version
from jaxtorch.serialization.names import torch_home

__all__ = ["install", "uninstall"]

_PACKAGE = __name__.partition(".")[0]
_NOT_TORCHS = tuple(f"{_PACKAGE}.{name}" for name in ("engine", "interop", "left_out"))
_IMPORT_FROM = dis.opmap["IMPORT_FROM"]


# Modules of other packages that read memory where PyTorch's tensors have it: what is imported in
# their place, with the same functions.
# And PyTorch's other package, whose functions torch.func took over.
_IN_PLACE_OF = {
    "safetensors.torch": f"{_PACKAGE}.interop.safetensors",
    "functorch": f"{_PACKAGE}.functorch",
}


def _is_torch(name: str) -> bool:
    return name == "torch" or name.startswith("torch.") or name in _IN_PLACE_OF


class _Torch(ModuleType):
    """The class of our modules while they are torch's too: ``torch.__name__`` is "torch"."""

    @property
    def __name__(self) -> str:
        return "torch" + self.__dict__["__name__"][len(_PACKAGE) :]


class _Loader(importlib.abc.Loader):
    """Hands out a module that exists already, and leaves it as it was."""

    def __init__(self, module: ModuleType, name: str):
        self.module, self.name, self.spec = module, name, module.__spec__

    def create_module(self, spec):
        return self.module

    def exec_module(self, module):
        module.__spec__ = self.spec  # the import system has just put the alias's in its place
        _name_as_torch(module, self.name)


class _Distribution(importlib.metadata.Distribution):
    """``importlib.metadata.version("torch")``, which libraries ask before they import torch."""

    def read_text(self, filename):
        if filename == "METADATA":
            return f"Metadata-Version: 2.1\nName: torch\nVersion: {version.__version__}\n"
        return None

    def locate_file(self, path):
        raise FileNotFoundError(f"torch is jaxtorch here: it has no file {path} of its own")


class _Finder(importlib.metadata.DistributionFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname.startswith(_PACKAGE + "."):
            spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
            if spec is not None and type(spec.loader) is importlib.machinery.SourceFileLoader:
                spec.loader = _Named(spec.loader.name, spec.loader.path)
            return spec
        if not _is_torch(fullname):
            return None
        twin = _IN_PLACE_OF.get(fullname) or _PACKAGE + fullname[len("torch") :]
        try:
            module = importlib.import_module(twin)
        except ModuleNotFoundError as error:
            refused = left_out.reason(fullname) is not None
            ours = error.name is not None and f"{twin}.".startswith(f"{error.name}.")
            if not (refused or ours):
                raise
            # importlib.util.find_spec("torch.x") is a question, to be answered with None.
            if sys._getframe(2).f_code.co_name != "_find_and_load_unlocked":
                return None
            missing = f"No module named '{fullname}' (torch is jaxtorch here, which has no {twin})"
            raise ModuleNotFoundError(
                left_out.refusal(fullname) if refused else missing, name=fullname
            ) from None
        return importlib.machinery.ModuleSpec(
            fullname, _Loader(module, fullname), is_package=hasattr(module, "__path__")
        )

    def find_distributions(self, context=importlib.metadata.DistributionFinder.Context()):  # noqa: B008
        return [_Distribution()] if context.name in ("torch", None) else []


class _Named(importlib.machinery.SourceFileLoader):
    """Loads a module of ours that is imported later, and gives its classes their torch names."""

    def exec_module(self, module):
        super().exec_module(module)
        _name_classes(module)


_finder = _Finder()
_explained: dict[str, tuple[ModuleType, object]] = {}  # torch's name: (module, its own __getattr__)
_classes: dict[type, str] = {}  # the module that a class was made in
_displaced: dict[str, Any] = {}  # torch names that were blocked: sys.modules[name] = None


def _name_as_torch(module: ModuleType, torch_name: str) -> None:
    """Give the module its torch name, and a ``__getattr__`` whose error says that in full."""
    if torch_name in _explained:
        return
    inner = module.__dict__.get("__getattr__")
    _explained[torch_name] = module, inner

    def __getattr__(name: str):
        absent, why = AttributeError, f"torch is jaxtorch here, which has no {torch_name}.{name}"
        if inner is not None:
            try:
                return _adopted(inner(name))
            except left_out.LeftOut as error:
                absent, why = left_out.LeftOut, str(error)
            except AttributeError:
                pass
        caller = sys._getframe(1)
        if caller.f_lasti >= 0 and caller.f_code.co_code[caller.f_lasti] == _IMPORT_FROM:
            raise ImportError(
                f"cannot import name '{name}' from '{torch_name}' ({why})",
                name=torch_name,
                path=getattr(module, "__file__", None),
            )
        raise absent(
            f"module '{torch_name}' has no attribute '{name}' ({why})", name=name, obj=module
        )

    module.__dict__["__getattr__"] = __getattr__
    if module.__class__ is ModuleType and torch_name not in _IN_PLACE_OF:
        module.__class__ = _Torch


def _name_classes(module: ModuleType) -> None:
    """Give the classes of a module the names that torch has for them: ``print(type(x))``."""
    for cls in [c for c in vars(module).values() if isinstance(c, type)]:
        made_in = cls.__module__ or ""
        if made_in.partition(".")[0] != _PACKAGE or made_in.startswith(_NOT_TORCHS):
            continue
        home = torch_home(made_in, cls.__qualname__)
        there = sys.modules.get(_PACKAGE + home[len("torch") :])
        if there is None or vars(there).get(cls.__qualname__) is not cls:
            home = "torch" + made_in[len(_PACKAGE) :]  # or pickle would not find it
        _classes[cls] = made_in
        cls.__module__ = home


def _adopted(value: Any) -> Any:
    """What a module's own ``__getattr__`` gave; where it imported one of ours, that is torch's."""
    if isinstance(value, ModuleType):
        own_name = value.__dict__["__name__"]
        if own_name.startswith(_PACKAGE + ".") and "torch" + own_name[len(_PACKAGE) :] not in (
            _explained
        ):
            _adopt_all(own_name)
    return value


def _adopt_all(package: str) -> None:
    """Give a package of ours, and all of it that is imported, their torch names."""
    for name, module in list(sys.modules.items()):
        if (name == package or name.startswith(package + ".")) and module is not None:
            torch_name = "torch" + name[len(_PACKAGE) :]
            sys.modules.setdefault(torch_name, module)
            _name_as_torch(module, torch_name)
            _name_classes(module)


def _name_as_before() -> None:
    for cls, module in _classes.items():
        cls.__module__ = module
    _classes.clear()
    for module, inner in _explained.values():
        if module.__class__ is _Torch:
            module.__class__ = ModuleType
        if inner is None:
            module.__dict__.pop("__getattr__", None)
        else:
            module.__dict__["__getattr__"] = inner
    _explained.clear()


def install() -> None:
    """Make ``import torch``, ``import torch.nn`` … mean jaxtorch in this process and its children.

    Raises RuntimeError, and changes nothing, if another ``torch`` has been imported already. Doing
    it twice is doing it once. :func:`uninstall` undoes it.
    """
    if _finder in sys.meta_path:
        return
    found = {name: module for name, module in list(sys.modules.items()) if _is_torch(name)}
    for name, module in found.items():
        if module is not None:
            where = getattr(module, "__file__", None) or "no file"
            raise RuntimeError(
                f"'{name}' is imported already, from {where}: jaxtorch does not take its place "
                "in a running program. Call jaxtorch.install() before anything imports torch, "
                "or write 'import jaxtorch as torch'."
            )
    _displaced.update(found)
    for home in ("_C", "_dynamo.eval_frame"):  # of some classes
        importlib.import_module(f"{_PACKAGE}.{home}")
    for name in found:
        del sys.modules[name]
    _adopt_all(_PACKAGE)
    sys.meta_path.insert(0, _finder)
    children.announce_torch()


def uninstall() -> None:
    """Undo :func:`install`: ``import torch`` finds what it found before. Nothing to undo is fine.

    Whoever imported torch in between keeps the jaxtorch modules they were given.
    """
    if _finder not in sys.meta_path:
        return
    sys.meta_path.remove(_finder)
    for name in [name for name in sys.modules if _is_torch(name)]:
        del sys.modules[name]
    sys.modules.update(_displaced)
    _displaced.clear()
    _name_as_before()
    children.retract_torch()
