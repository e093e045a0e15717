"""Every public name of torch's is here, or stands in the list of what is left out and says why."""

import importlib
import importlib.util
from pathlib import Path

import pytest

import jaxtorch
from jaxtorch import left_out

REFERENCE = Path(__file__).parent / "reference"
NAMES = (REFERENCE / "torch_names.txt").read_text().split()


def find(name: str):
    """The object of a torch name, by attributes alone."""
    found = jaxtorch
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found


def is_here(name: str) -> bool:
    try:
        find(name)
    except AttributeError:
        return False
    return True


def test_every_name_is_here_or_in_the_list():
    absent = {name for name in NAMES if not is_here(name) and not left_out.reason(name)}
    assert not absent


def test_nothing_in_the_list_is_here():
    assert not [name for name in left_out.LEFT_OUT if is_here(name)]


def test_every_reason_is_a_line():
    assert all(0 < len(why) <= 100 and "\n" not in why for why in left_out.LEFT_OUT.values())


def test_what_is_left_out_says_why():
    with pytest.raises(left_out.LeftOut, match="torch.onnx.export is left out of jaxtorch: needs"):
        jaxtorch.onnx.export()
    with pytest.raises(AttributeError, match="torch.Tensor.to_sparse_csr is left out"):
        jaxtorch.ones(1).to_sparse_csr()
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'to_gold'"):
        jaxtorch.ones(1).to_gold()
    assert not hasattr(jaxtorch, "export") and not hasattr(jaxtorch.ones(1), "to_sparse_csr")
    assert left_out.reason("torch.ones") is None
    assert left_out.reason("torch.onnx.utils.export") == left_out.reason("torch.onnx.export")
    assert left_out.reason("torch.onnx") is None and not jaxtorch.onnx.is_in_onnx_export()


def test_importing_what_is_left_out_says_why():
    with pytest.raises(ModuleNotFoundError, match="torch.export is left out of jaxtorch"):
        importlib.import_module("jaxtorch.export")
    with pytest.raises(ImportError, match="torch.fork is left out of jaxtorch"):
        exec("from jaxtorch import fork", {})
    with pytest.raises(ModuleNotFoundError, match="No module named 'jaxtorch.not_there'"):
        importlib.import_module("jaxtorch.not_there")
    assert importlib.util.find_spec("jaxtorch.export") is None


@pytest.mark.parametrize("name", ["onnx", "quantization", "ao.quantization", "distributed.rpc"])
def test_some_modules_can_be_imported_and_refuse_what_is_asked_of_them(name):
    module = importlib.import_module(f"jaxtorch.{name}")
    with pytest.raises(left_out.LeftOut, match=f"torch.{name}.convert is left out of jaxtorch"):
        module.convert()
    with pytest.raises(ImportError, match="cannot import name 'convert'"):
        exec(f"from jaxtorch.{name} import convert", {})


def test_submodules_need_no_import():
    assert find("torch.distributed.is_available")()
    assert find("torch.utils.hooks.RemovableHandle")
