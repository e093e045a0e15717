"""Mixed precision side by side with real PyTorch: dtypes op by op, and a scaled training run."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

import jaxtorch  # noqa: E402
from jaxtorch.amp import op_lists  # noqa: E402
from tests import oracle  # noqa: E402
from tests.parity.module_db import translated  # noqa: E402

MINE = oracle.Side(jaxtorch)
# The results of these are of a higher precision here: one op, where PyTorch ends in a product.
MORE_PRECISE = {"linalg.pinv"}
LISTED = {
    name.removeprefix("aten::").partition(".")[0].replace("linalg_", "").replace("fft_", "")
    for name in torch._C._dispatch_get_all_op_names()
    if torch._C._dispatch_has_kernel_for_dispatch_key(name, "AutocastCPU")
}
UNLISTED = {"add", "sum", "softmax", "exp", "dot", "mv", "outer", "cumsum", "addcmul", "norm",
            "nn.functional.layer_norm", "nn.functional.batch_norm", "bilinear", "inner", "einsum",
            "tensordot", "cov", "matrix_power", "linalg.multi_dot", "logsumexp"}  # fmt: skip


def infos():
    for info in op_db:
        group, _, short = info.name.rpartition(".")
        if group == "sparse":  # its samples are CSR tensors, which are left out
            continue
        if (short in LISTED or info.name in UNLISTED) and MINE.has(info.name):
            if info.name not in MORE_PRECISE:
                yield info


def dtypes_of(result) -> list[str]:
    if hasattr(result, "dtype"):
        return [str(result.dtype)]
    return [d for r in result for d in dtypes_of(r)] if isinstance(result, list | tuple) else []


def mine(value):
    if isinstance(value, torch.Tensor) and value.dtype is torch.bfloat16:
        return translated(value.float()).to(jaxtorch.bfloat16)
    if isinstance(value, list | tuple):
        return type(value)(map(mine, value))
    return translated(value)


def result_of(library, function, sample):
    """What comes out under autocast; None where the op refuses its arguments."""
    convert = mine if library is jaxtorch else lambda value: value
    arguments = map(convert, (sample.input, *sample.args))
    with warnings.catch_warnings(), library.autocast("cpu"):
        warnings.simplefilter("ignore")
        try:
            return function(*arguments, **{k: convert(v) for k, v in sample.kwargs.items()})
        except (RuntimeError, ValueError, TypeError):  # what an op takes is test_op_db's to say
            return None


def test_every_listed_op_gives_pytorchs_dtype():
    different, compared = {}, 0
    for info in infos():
        lowers = op_lists.CPU.get(info.name.rpartition(".")[2]) is op_lists.LOWER
        dtype = torch.float32 if lowers else torch.bfloat16
        if dtype not in info.dtypes:
            dtype = torch.float32
        sample = next(iter(info.sample_inputs("cpu", dtype)))
        wanted = result_of(torch, info.op, sample)
        found = result_of(jaxtorch, MINE.find(info.name), sample)
        if wanted is None or found is None:
            continue
        compared += 1
        if dtypes_of(found)[: len(dtypes_of(wanted))] != dtypes_of(wanted):
            different[info.name] = dtype, dtypes_of(found), dtypes_of(wanted)
    assert not different
    assert compared > 70, compared


def run(library, name, options):
    library.manual_seed(0)
    nn = library.nn
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = getattr(library.optim, name)(net.parameters(), **options)
    scaler = library.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=2)
    x, y = library.randn(16, 4), library.randint(0, 2, (16,))
    losses, scales = [], []
    for step in range(7):
        optimizer.zero_grad()
        with library.autocast("cpu", dtype=library.bfloat16):
            loss = nn.functional.cross_entropy(net(x), y)
        losses.append(loss.item())
        scaler.scale(loss * (float("inf") if step in (0, 3) else 1.0)).backward()
        if step == 5:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(net.parameters(), 0.1)
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.state_dict())
    return losses, scales, [float(s.get("step", -1)) for s in optimizer.state.values()]


@pytest.mark.parametrize(
    ("name", "options"),
    [("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}), ("Adam", {"lr": 0.01})],
)
def test_a_scaled_run(name, options):
    (theirs, *their_rest), (ours, *our_rest) = (run(t, name, options) for t in (torch, jaxtorch))
    # bfloat16 has 8 bits: a rounding that falls to the other side is 4e-3 of one product.
    np.testing.assert_allclose(ours, theirs, rtol=2e-3)
    assert our_rest == their_rest
