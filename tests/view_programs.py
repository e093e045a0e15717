"""Programs of views and writes, to be run by torch and by jaxtorch alike.

A program is a list of steps ``[name, which tensor, a, b]`` on a pool of tensors that begins with
one base. A view step adds its result to the pool; a write changes what it is called on. ``a`` and
``b`` are any small numbers: each step makes dims, indices and sizes of them that fit (mostly: what
does not fit must raise on both sides alike).
"""

from __future__ import annotations

import random

import numpy as np

BASE = (2, 3, 4)


def _dim(x, a):
    return a % max(x.ndim, 1)


def _size(x, a):
    return x.shape[_dim(x, a)] if x.ndim else 1


def _within(x, a, b):
    """A place along dimension ``a``; one too far where ``b`` is 9."""
    return _size(x, a) if b == 9 else b % max(_size(x, a), 1)


def _slice(x, a, b):
    step = 1 + b % 2
    return x[(slice(None),) * _dim(x, a) + (slice(b % 3, None, step),)] if x.ndim else x[...]


def _halves(x, a):
    """The first dimension spread over two, of which one is ``a``-ish."""
    return x.unflatten(0, (-1, 1 + a % 2))


VIEWS = {
    "select": lambda t, x, a, b: x.select(_dim(x, a), _within(x, a, b)),
    "narrow": lambda t, x, a, b: x.narrow(_dim(x, a), b % 2, max(_size(x, a) - 1 - b % 2, 0)),
    "slice": lambda t, x, a, b: _slice(x, a, b),
    "int": lambda t, x, a, b: x[_within(x, 0, b) if b != 9 else -1],
    "ellipsis": lambda t, x, a, b: x[..., b % 2],
    "none": lambda t, x, a, b: x[None, ..., None] if b % 2 else x[:, None],
    "transpose": lambda t, x, a, b: x.transpose(_dim(x, a), _dim(x, b)),
    "permute": lambda t, x, a, b: x.permute([(i + a) % x.ndim for i in range(x.ndim)]),
    "movedim": lambda t, x, a, b: x.movedim(_dim(x, a), _dim(x, b)),
    "mT": lambda t, x, a, b: x.mT,
    "t": lambda t, x, a, b: x.t(),
    "unsqueeze": lambda t, x, a, b: x.unsqueeze(_dim(x, a)),
    "squeeze": lambda t, x, a, b: x.squeeze() if b % 2 else x.squeeze(_dim(x, a)),
    "diagonal": lambda t, x, a, b: x.diagonal(b % 3 - 1, 0, -1),
    "unfold": lambda t, x, a, b: x.unfold(_dim(x, a), 1 + b % 2, 1 + b % 3),
    "expand": lambda t, x, a, b: x.unsqueeze(0).expand(2, *x.shape),
    "view": lambda t, x, a, b: x.view(-1),
    "view to": lambda t, x, a, b: x.view(2, -1),
    "reshape": lambda t, x, a, b: x.reshape(-1) if b % 2 else x.reshape(-1, 2),
    "flatten": lambda t, x, a, b: x.flatten(0, min(1, x.ndim - 1)),
    "unflatten": lambda t, x, a, b: _halves(x, a),
    "split": lambda t, x, a, b: x.split(1 + b % 2, _dim(x, a))[-1],
    "chunk": lambda t, x, a, b: x.chunk(2, _dim(x, a))[0],
    "tensor_split": lambda t, x, a, b: x.tensor_split(2, _dim(x, a))[b % 2],
    "unbind": lambda t, x, a, b: x.unbind(_dim(x, a))[b % 2],
    "as_strided": lambda t, x, a, b: x.as_strided((2, 2), (1 + a % 3, 2 + b % 3), b % 5),
    "as_strided here": lambda t, x, a, b: x.as_strided((2,), (1 + a % 4,)),
    "detach": lambda t, x, a, b: x.detach(),
    "data": lambda t, x, a, b: x.data,
    "contiguous": lambda t, x, a, b: x.contiguous(),
    "view_as_real": lambda t, x, a, b: t.view_as_real(x),
    "real": lambda t, x, a, b: x.real,
    "imag": lambda t, x, a, b: x.imag,
    # (of complex numbers the parts become denormal, which XLA takes for zero)
    "int32": lambda t, x, a, b: x.view(x.dtype if x.dtype.is_complex else t.int32),
}  # fmt: skip


def _assign(index):
    def write(t, x, a, b):
        x[index(t, x, a, b)] = b + 0.5 if x.dtype.is_floating_point else b

    return write


def _copied(t, x, a, b):
    x.copy_(t.arange(x.numel()).reshape(x.shape) + b)


def _quiet_write(t, x, a, b):
    with t.no_grad():
        x.add_(b)


def _augmented(t, x, a, b):
    x[..., b % 2] += 3


WRITES = {
    "mul_": lambda t, x, a, b: x.mul_(2),
    "add_": lambda t, x, a, b: x.add_(b),
    "fill_": lambda t, x, a, b: x.fill_(b),
    "zero_": lambda t, x, a, b: x.zero_(),
    "copy_": _copied,
    "no_grad add_": _quiet_write,
    "data mul_": lambda t, x, a, b: x.data.mul_(2),
    "[i] =": _assign(lambda t, x, a, b: _within(x, 0, b)),
    "[...] =": _assign(lambda t, x, a, b: ...),
    "[::2] =": _assign(lambda t, x, a, b: slice(None, None, 2)),
    "[tensor] =": _assign(lambda t, x, a, b: t.tensor([0, -1])),
    "[mask] =": _assign(lambda t, x, a, b: x.detach().real > 6),
    "[..., i] +=": _augmented,
    "unsqueeze_": lambda t, x, a, b: x.unsqueeze_(_dim(x, a)),
    "squeeze_": lambda t, x, a, b: x.squeeze_(),
    "transpose_": lambda t, x, a, b: x.transpose_(_dim(x, a), _dim(x, b)),
    "t_": lambda t, x, a, b: x.t_(),
}  # fmt: skip

OVERLAPPING = {"expand", "unfold", "as_strided", "as_strided here"}
STEPS = {**VIEWS, **WRITES}
_NAMES = [*VIEWS, *WRITES, "mul_", "add_", "fill_", "copy_", "[i] =", "[::2] ="]


def program(choose, length: int) -> dict:
    """A program; ``choose(n)`` gives a number below n."""
    steps = []
    for _ in range(length):
        name = _NAMES[choose(len(_NAMES))]
        steps.append([name, choose(4), choose(4), choose(10)])
    return {"dtype": ("float32", "float32", "complex64")[choose(3)], "grad": choose(2) == 1,
            "steps": steps}  # fmt: skip


def seeded(count: int, length: int) -> list[dict]:
    return [program(random.Random(seed).randrange, length) for seed in range(count)]


def _left_out(program: dict, name: str, x, base, spread: list) -> bool:
    """Steps whose outcome PyTorch leaves open, or that jaxtorch refuses with a reason.

    Writes where elements share memory depend on their order; of a strided view of a view PyTorch
    drops the gradients of what the latter did not show.
    """
    if name in WRITES and any(x is y for y in spread):
        return True
    return program["grad"] and name.startswith("as_strided") and x is not base


def run(torch, program: dict) -> list:
    """What each step did, and what the pool holds in the end, as plain data."""
    dtype = getattr(torch, program["dtype"])
    leaf = torch.arange(24, dtype=torch.float32).to(dtype).reshape(BASE)
    leaf.requires_grad_(program["grad"])
    base = leaf * (1 + 1j) if dtype.is_complex else leaf * 1
    pool, seen, spread = [base], [], []
    for name, which, a, b in program["steps"]:
        x = pool[-1 - which % len(pool)]
        if _left_out(program, name, x, base, spread):
            continue
        try:
            made = STEPS[name](torch, x, a, b)
        except Exception as error:
            seen.append(f"{name}: {type(error).__name__}")
            continue
        seen.append(name)
        if name in VIEWS:
            pool.append(made)
            if name in OVERLAPPING or any(x is y for y in spread):
                spread.append(made)
    shown = [described(torch, x, pool) for x in pool]
    return [seen, shown, _gradient(torch, leaf, pool) if program["grad"] else None]


def described(torch, x, pool) -> dict:
    flat = torch.view_as_real(x.detach().clone()) if x.dtype.is_complex else x.detach()
    same = [i for i, y in enumerate(pool) if y is x][0]
    return {
        "values": flat.flatten().tolist(), "shape": list(x.shape), "same as": same,
        "dtype": str(x.dtype), "stride": list(x.stride()), "offset": x.storage_offset(),
        "contiguous": x.is_contiguous(), "requires_grad": x.requires_grad,
        "is_leaf": x.is_leaf,
    }  # fmt: skip


def _gradient(torch, leaf, pool):
    total = 0
    for i, x in enumerate(pool):
        if x.requires_grad:
            part = x.abs() if x.dtype.is_complex else x
            total = total + (part * part).sum() * (i + 1)
    if not isinstance(total, torch.Tensor):
        return None
    total.backward()
    if leaf.grad is None:
        return None
    grad = torch.view_as_real(leaf.grad) if leaf.grad.is_complex() else leaf.grad
    return grad.flatten().tolist()


def difference(mine: list, theirs: list) -> str:
    """What is not as in torch, in words; empty if all is."""
    if mine[0] != theirs[0]:
        return f"steps {mine[0]}, torch's {theirs[0]}"
    for i, (x, y) in enumerate(zip(mine[1], theirs[1], strict=True)):
        for key, wanted in y.items():
            if not (_close(x[key], wanted) if key == "values" else x[key] == wanted):
                return f"{key} of tensor {i}: {x[key]}, torch's {wanted}"
    return "" if _close(mine[2], theirs[2]) else f"gradient {mine[2]}, torch's {theirs[2]}"


def _close(mine, theirs) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    same = np.shape(mine) == np.shape(theirs)
    return same and np.allclose(mine, theirs, 1e-5, equal_nan=True)
