"""autocast: which dtypes come out, where it holds, and what it costs."""

import warnings

import pytest

import jaxtorch as torch
import jaxtorch.nn.functional as F
from jaxtorch import engine


@pytest.fixture(autouse=True)
def off_afterwards():
    yield
    assert not torch.is_autocast_enabled("cpu")


def test_products_are_lower_losses_are_float32_and_the_rest_stays():
    x, w = torch.ones(4, 4), torch.ones(4, 4)
    with torch.autocast("cpu"):
        product = x @ w
        assert product.dtype is torch.bfloat16
        assert F.linear(x, w).dtype is torch.bfloat16
        assert (product + 1).dtype is torch.bfloat16
        assert (product + x).dtype is torch.float32
        assert F.mse_loss(product, product).dtype is torch.float32
        assert torch.cat([product, x]).dtype is torch.float32
        assert F.layer_norm(x, (4,)).dtype is torch.float32
        assert (x.double() @ w.double()).dtype is torch.float64
        assert torch.einsum("ij,jk->ik", x, w).dtype is torch.bfloat16
        assert torch.einsum("ij,ij->ij", x, w).dtype is torch.float32
    assert (x @ w).dtype is torch.float32


def test_nesting_dtype_and_switching_off():
    x = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.float16):
        assert torch.get_autocast_dtype("cpu") is torch.float16
        with torch.autocast("cpu", enabled=False):
            assert (x @ x).dtype is torch.float32
            with torch.autocast("cpu"):
                assert (x @ x).dtype is torch.float16
        assert (x @ x).dtype is torch.float16
    assert torch.get_autocast_dtype("cpu") is torch.bfloat16

    @torch.autocast("cpu")
    def product(a):
        return a @ a

    assert product(x).dtype is torch.bfloat16


def test_gradients_have_the_parameters_dtype_and_each_weight_is_cast_once():
    net = torch.nn.Linear(3, 3)
    x = torch.randn(2, 3)
    casts = []
    for cached in (True, False):
        with torch.autocast("cpu", cache_enabled=cached):
            assert torch.is_autocast_cache_enabled() is cached
            y = net(net(x))
        seen, todo = set(), [y._node]
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo += [n for n in node.inputs if isinstance(n, type(node))]
        casts.append(sum(n.kernel is not None and n.kernel.name == "to_copy" for n in seen))
        y.float().sum().backward()
        assert net.weight.grad.dtype is torch.float32
    assert casts == [3, 5]  # of x, the weight and the bias; the latter two at each use


def test_a_training_loop_inside_one_region_follows_its_weights():
    net = torch.nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x, losses, structures = torch.ones(1, 2), [], []
    with torch.autocast("cpu"):
        for _ in range(4):
            optimizer.zero_grad()
            loss = net(x).float().square().sum()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            structures.append(engine.stats()["structures"])
    assert losses[-1] < losses[0]
    assert structures[-1] == structures[-2]


def test_inside_a_jax_trace_and_with_anomaly_detection():
    @torch.jit
    def f(x):
        with torch.autocast("cpu"):
            return x @ x

    assert f(torch.ones(2, 2)).dtype is torch.bfloat16
    x = torch.ones(2, 2, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.autograd.detect_anomaly(), torch.autocast("cpu"):
            y = x @ x
        with torch.autocast("cpu"), torch.autograd.detect_anomaly():
            z = x @ x
    assert y.dtype is z.dtype is torch.bfloat16
    assert (x @ x).dtype is torch.float32


def test_custom_functions():
    seen = []

    class Square(torch.autograd.Function):
        @staticmethod
        @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
        def forward(ctx, x):
            seen.append((x.dtype, torch.is_autocast_enabled("cpu")))
            ctx.save_for_backward(x)
            return x @ x

        @staticmethod
        @torch.amp.custom_bwd(device_type="cpu")
        def backward(ctx, grad):
            seen.append((grad.dtype, torch.is_autocast_enabled("cpu")))
            (x,) = ctx.saved_tensors
            return grad @ x.T + x.T @ grad

    class Plain(Square):
        @staticmethod
        @torch.amp.custom_fwd(device_type="cpu")
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x @ x

    x = torch.ones(2, 2, dtype=torch.bfloat16, requires_grad=True)
    with torch.autocast("cpu"):
        y = Square.apply(x)
        z = Plain.apply(x)
    y.sum().backward()
    z.sum().backward()
    assert seen == [
        (torch.float32, False), (torch.float32, False), (torch.bfloat16, True),
    ]  # fmt: skip


def test_refusals():
    with pytest.raises(RuntimeError, match="unsupported autocast device_type 'tpu'"):
        torch.autocast("tpu")
    with pytest.raises(ValueError, match="Expected `device_type` of type `str`"):
        torch.autocast(1)
    with pytest.warns(UserWarning, match="CPU Autocast only supports dtypes"):
        with torch.autocast("cpu", dtype=torch.float32):
            assert not torch.is_autocast_enabled("cpu")
    with pytest.raises(TypeError, match="requires a callable"):
        torch.autocast("cpu")(3)
    assert not torch.amp.is_autocast_available("tpu")


def test_the_older_names():
    x = torch.ones(2, 2)
    with pytest.warns(FutureWarning, match="torch.cpu.amp.autocast"):
        region = torch.cpu.amp.autocast()
    with region:
        assert (x @ x).dtype is torch.bfloat16
    with pytest.warns(FutureWarning, match="torch.cpu.amp.GradScaler"):
        assert torch.cpu.amp.GradScaler().is_enabled()
    if not torch.cuda.is_available():
        with pytest.warns(Warning) as told:
            with torch.cuda.amp.autocast():
                assert not torch.is_autocast_enabled()
            torch.cuda.amp.custom_fwd(cast_inputs=torch.float32)
        assert [w.category for w in told] == [FutureWarning, UserWarning, FutureWarning]


def test_recurrent_layers_take_what_a_lower_layer_gave_them():
    """Their float32 weights are cast to it; a wider state stays as wide."""
    torch.manual_seed(0)
    x = torch.randn(4, 2, 3)
    narrow = x.bfloat16()
    for kind in (torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU):
        layer = kind(3, 5)
        plain = layer(x)[0]
        with pytest.raises(ValueError, match="does not match weight dtype"):
            layer(narrow)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = layer(narrow)[0]
            wide = layer(x)[0]
        assert out.dtype is torch.bfloat16
        assert wide.dtype is (torch.float32 if kind is torch.nn.GRU else torch.bfloat16)
        assert (out.float() - plain).abs().max() < 0.02
        out.float().sum().backward()
        assert layer.weight_hh_l0.grad.dtype is torch.float32 and layer.weight_hh_l0.grad.any()
    for kind in (torch.nn.RNNCell, torch.nn.LSTMCell, torch.nn.GRUCell):
        cell = kind(3, 5)
        state = (torch.zeros(2, 5),) * 2 if kind is torch.nn.LSTMCell else torch.zeros(2, 5)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found, wide = cell(narrow[0]), cell(narrow[0], state)
        found, wide = (h[0] if isinstance(h, tuple) else h for h in (found, wide))
        assert found.dtype is torch.bfloat16
        assert wide.dtype is (torch.bfloat16 if kind is torch.nn.RNNCell else torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert F.local_response_norm(narrow.unsqueeze(0), 2).dtype is torch.float32
        assert torch.fake_quantize_per_tensor_affine(narrow, 0.1, 0, 0, 9).dtype is torch.float32
