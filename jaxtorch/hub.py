"""``torch.hub``: entry points of a local folder's ``hubconf.py``, and downloaded weights."""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import importlib.util
import os
import re
import sys
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlparse as urlparse

__all__ = [
    "download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url",
    "set_dir",
]  # fmt: skip

READ_DATA_CHUNK = 1 << 17
HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
_folder: str | None = None


def get_dir() -> str:
    """Where downloads are kept: what ``set_dir`` said, or ``$TORCH_HOME/hub``; by default
    ``~/.cache/torch/hub``."""
    return os.path.join(_get_torch_home(), "hub") if _folder is None else _folder


def _get_torch_home() -> str:
    """``$TORCH_HOME``, by default ``~/.cache/torch``: torchvision and others ask for it."""
    cache = os.path.join(os.getenv("XDG_CACHE_HOME", "~/.cache"), "torch")
    return os.path.expanduser(os.getenv("TORCH_HOME", cache))


def set_dir(d: str | os.PathLike) -> None:
    """Keep downloads in this folder."""
    global _folder
    _folder = os.path.expanduser(d)


# -- entry points -----------------------------------------------------------------------------


def _repository(name: str) -> str:
    """The folder of a repository that is here already: as a path, or in PyTorch's cache."""
    if os.path.isdir(name):
        return name
    repository, _, ref = name.partition(":")
    for branch in [ref] if ref else ["main", "master"]:
        cached = os.path.join(get_dir(), f"{repository}_{branch}".replace("/", "_"))
        if os.path.isdir(cached):
            return cached
    raise NotImplementedError(
        f"torch.hub of {name!r} (source='github'): repositories are not downloaded, for their code "
        "is written for PyTorch's own torch. Clone it, and load it with source='local'"
    )


@contextlib.contextmanager
def _hubconf(folder: str) -> Iterator[ModuleType]:
    path = os.path.join(folder, "hubconf.py")
    if not os.path.exists(path):
        raise FileNotFoundError(f"{folder} has no hubconf.py")
    spec: Any = importlib.util.spec_from_file_location("hubconf", path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(folder)


def _entry(module: ModuleType, name: str) -> Callable:
    if not isinstance(name, str):
        raise ValueError("Invalid input: model should be a string of function name")
    wanted = getattr(module, "dependencies", None) or ()
    missing = [one for one in wanted if importlib.util.find_spec(one) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    function = getattr(module, name, None)
    if not callable(function):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return function


def list(
    github: str, force_reload: bool = False, skip_validation: bool = False, trust_repo="check",
    verbose: bool = True,
) -> builtins.list[str]:  # fmt: skip
    """The names of a repository's entry points. ``github``: a folder, or ``owner/name[:ref]`` if
    that is in the cache."""
    _no_download(force_reload)
    with _hubconf(_repository(github)) as module:
        return [
            name for name in dir(module)
            if callable(getattr(module, name)) and not name.startswith("_")
        ]  # fmt: skip


def help(
    github: str, model: str, force_reload: bool = False, skip_validation: bool = False,
    trust_repo="check",
) -> str | None:  # fmt: skip
    """An entry point's docstring."""
    _no_download(force_reload)
    with _hubconf(_repository(github)) as module:
        return _entry(module, model).__doc__


def load(
    repo_or_dir: str, model: str, *args, source: str = "github", trust_repo="check",
    force_reload: bool = False, verbose: bool = True, skip_validation: bool = False, **kwargs,
) -> Any:  # fmt: skip
    """What the entry point ``model`` of a repository's ``hubconf.py`` gives for these arguments.

    ``source="local"``: ``repo_or_dir`` is a folder. ``"github"``: ``owner/name[:ref]``, which must
    be in the cache already; NotImplementedError if it is not.
    """
    source = source.lower()
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    _no_download(force_reload and source == "github")
    folder = _repository(repo_or_dir) if source == "github" else os.fspath(repo_or_dir)
    with _hubconf(folder) as module:
        return _entry(module, model)(*args, **kwargs)


def _no_download(force_reload: bool) -> None:
    if force_reload:
        raise NotImplementedError("torch.hub(force_reload=True): repositories are not downloaded")


# -- files ------------------------------------------------------------------------------------


class Progress:
    """How much is done, on one line of stderr; in the place of ``tqdm`` where that is missing."""

    def __init__(
        self, iterable=None, desc: str = "", total: int | None = None, disable: bool = False,
        unit: str = "it", **looks,
    ) -> None:  # fmt: skip
        self.iterable, self.desc, self.disable, self.unit = iterable, desc, disable, unit
        self.total = len(iterable) if total is None and hasattr(iterable, "__len__") else total
        self.n = 0

    def __iter__(self):
        with self:
            for item in self.iterable:
                yield item
                self.update(1)

    def update(self, n: int = 1) -> None:
        self.n += n
        if not self.disable:
            part = f"{100 * self.n / self.total:.1f}%" if self.total else f"{self.n} {self.unit}"
            sys.stderr.write(f"\r{self.desc + ': ' if self.desc else ''}{part}")

    def close(self) -> None:
        if not self.disable:
            sys.stderr.write("\n")

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.close()


def __getattr__(name: str) -> Any:
    if name != "tqdm":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'", name=name)
    try:
        from tqdm import tqdm
    except ImportError:
        return Progress
    return tqdm


def download_url_to_file(
    url: str, dst: str, hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Download a file; it is at ``dst`` once it is whole.

    RuntimeError if the hexadecimal SHA256 of its bytes does not begin with ``hash_prefix``, or if
    there are fewer bytes than the server said.
    """
    from jaxtorch.serialization.saving import replacing

    request = urllib.request.Request(url, headers={"User-Agent": "torch.hub"})
    digest = hashlib.sha256()
    path = Path(os.path.expanduser(dst))
    with urllib.request.urlopen(request) as source, replacing(path) as file:
        said = source.headers.get("Content-Length")
        total = None if said is None else int(said)
        with Progress(total=total, disable=not progress, unit="bytes") as bar:
            while piece := source.read(READ_DATA_CHUNK):
                file.write(piece)
                digest.update(piece)
                bar.update(len(piece))
        if total is not None and bar.n < total:
            raise RuntimeError(f"{url} ended after {bar.n} bytes of {total}")
        if hash_prefix is not None and not digest.hexdigest().startswith(hash_prefix):
            raise RuntimeError(
                f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}")'
            )


def load_state_dict_from_url(
    url: str, model_dir: str | None = None, map_location=None, progress: bool = True,
    check_hash: bool = False, file_name: str | None = None, weights_only: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """``torch.load`` of a file that is downloaded the first time, to ``model_dir`` (by default
    ``get_dir()/checkpoints``).

    ``check_hash``: a name as ``resnet18-5c106cde.pth`` tells how the file's SHA256 begins.
    ``weights_only`` is False by default, as in torch: the file may then run what it likes.
    """
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    os.makedirs(folder, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        sys.stdout.write(f'Downloading: "{url}" to {path}\n')
        found = HASH_REGEX.search(name) if check_hash else None
        download_url_to_file(url, path, found.group(1) if found else None, progress)
    return _load(path, map_location, weights_only)


def _load(path: str, map_location, weights_only: bool) -> dict[str, Any]:
    from jaxtorch.serialization import load

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) == 1 and not members[0].is_dir():  # of a file from before 1.6
                import io

                inner = io.BytesIO(archive.read(members[0]))
                return load(inner, map_location=map_location, weights_only=weights_only)
    return load(path, map_location=map_location, weights_only=weights_only)
