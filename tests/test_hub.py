"""torch.hub: entry points of a folder, downloads from a server on this machine."""

import functools
import hashlib
import http.server
import sys
import threading
import zipfile

import pytest

import jaxtorch as torch
from jaxtorch import hub

HUBCONF = '''
dependencies = ["numpy"]
import jaxtorch as torch
from beside import SCALE

def small(width=2, fill=1.0):
    """A linear layer."""
    layer = torch.nn.Linear(width, 1)
    layer.weight.data.fill_(fill * SCALE)
    return layer

def _hidden():
    pass
'''


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "hubconf.py").write_text(HUBCONF)
    (folder / "beside.py").write_text("SCALE = 3\n")
    return str(folder)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "_folder", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


class Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        if self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"only this")
        else:
            super().do_GET()


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Server, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_entry_points_of_a_folder(repository, home):
    assert hub.list(repository) == ["small"]
    assert hub.help(repository, "small") == "A linear layer."
    layer = torch.hub.load(repository, "small", 4, source="local", fill=2.0)
    assert layer.weight.tolist() == [[6.0] * 4]
    with pytest.raises(RuntimeError, match="Cannot find callable large in hubconf"):
        hub.load(repository, "large", source="local")
    with pytest.raises(ValueError, match='Unknown source: "web"'):
        hub.load(repository, "small", source="web")
    with pytest.raises(ValueError, match="should be a string of function name"):
        hub.load(repository, 5, source="local")
    with pytest.raises(FileNotFoundError, match="no hubconf.py"):
        hub.load(str(home), "small", source="local")
    with pytest.raises(NotImplementedError, match="source='local'"):
        hub.load("someone/something", "small")
    with pytest.raises(NotImplementedError, match="force_reload"):
        hub.list(repository, force_reload=True)


def test_a_repository_in_the_cache_and_missing_dependencies(repository, home):
    (home / "hub").mkdir(parents=True)
    cached = home / "hub" / "someone_something_v1"
    cached.symlink_to(repository)
    assert hub.list("someone/something:v1") == ["small"]
    text = HUBCONF.replace('"numpy"', '"numpy", "no_such_package"')
    (cached / "hubconf.py").write_text(text)
    with pytest.raises(RuntimeError, match="Missing dependencies: no_such_package"):
        hub.load("someone/something:v1", "small")


def test_folders(home, tmp_path):
    assert hub.get_dir() == str(home / "hub")
    hub.set_dir(tmp_path / "other")
    assert hub.get_dir() == str(tmp_path / "other")


def test_weights_are_downloaded_once(server, home, capsys):
    folder, url = server
    torch.save({"w": torch.ones(2)}, folder / "net.pt")
    digest = hashlib.sha256((folder / "net.pt").read_bytes()).hexdigest()
    good, bad = f"net-{digest[:8]}.pt", "net-00000000.pt"
    (folder / "net.pt").rename(folder / good)
    (folder / bad).write_bytes((folder / good).read_bytes())
    found = hub.load_state_dict_from_url(f"{url}/{good}", check_hash=True, weights_only=True)
    assert found["w"].tolist() == [1, 1] and (home / "hub" / "checkpoints" / good).exists()
    captured = capsys.readouterr()
    assert captured.out.startswith('Downloading: "http://127') and "100.0%" in captured.err
    (folder / good).unlink()
    again = torch.utils.model_zoo.load_url(f"{url}/{good}", map_location="cpu", progress=False)
    assert again["w"].tolist() == [1, 1] and capsys.readouterr().out == ""
    with pytest.raises(
        RuntimeError, match=f'invalid hash value .expected "00000000", got "{digest}'
    ):
        hub.load_state_dict_from_url(f"{url}/{bad}", check_hash=True, progress=False)
    assert not (home / "hub" / "checkpoints" / bad).exists()
    named = hub.load_state_dict_from_url(f"{url}/{bad}", file_name="mine.pt", progress=False)
    assert named["w"].tolist() == [1, 1] and (home / "hub" / "checkpoints" / "mine.pt").exists()


def test_downloads_that_fail_leave_nothing(server, tmp_path):
    _, url = server
    with pytest.raises(Exception, match="404"):
        hub.download_url_to_file(f"{url}/missing", str(tmp_path / "file"), progress=False)
    with pytest.raises(
        Exception, match="ended after 9 bytes of 100|9 bytes read, 91 more expected"
    ):
        hub.download_url_to_file(f"{url}/short", str(tmp_path / "file"), progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


def test_a_legacy_file_in_a_zip(server, home):
    folder, url = server
    torch.save({"w": torch.ones(1)}, folder / "old.pth", _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(folder / "net.zip", "w") as archive:
        archive.write(folder / "old.pth", "old.pth")
    found = hub.load_state_dict_from_url(f"{url}/net.zip", progress=False, weights_only=True)
    assert found["w"].tolist() == [1]


def test_home_and_progress_are_there_for_others(home, capsys, monkeypatch):
    assert hub._get_torch_home() == str(home) and hub.get_dir() == str(home / "hub")
    tqdm = pytest.importorskip("tqdm").tqdm
    assert hub.tqdm is torch.utils.model_zoo.tqdm is tqdm
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert hub.tqdm is hub.Progress
    assert list(hub.tqdm("abc", desc="letters")) == ["a", "b", "c"]
    assert capsys.readouterr().err.endswith("\rletters: 100.0%\n")
