"""Decompositions put together again, and what only their data can tell."""

import subprocess
import sys

import pytest

import jaxtorch as torch
from jaxtorch import linalg


def close(a, b, limit=1e-5):
    return (a - b).abs().max().item() < limit


@pytest.fixture
def matrix():
    torch.manual_seed(0)
    return torch.randn(4, 3)


def test_factors_give_the_matrix_back(matrix):
    square = matrix[:3]
    symmetric = square @ square.T + torch.eye(3)
    u, s, vh = linalg.svd(matrix, full_matrices=False)
    assert close(u * s @ vh, matrix)
    values, vectors = linalg.eigh(symmetric)
    assert close(vectors * values @ vectors.T, symmetric)
    values, vectors = linalg.eig(square)
    assert close((vectors * values @ linalg.inv(vectors)).real, square, 1e-4)
    p, lower, upper = torch.lu_unpack(*linalg.lu_factor(square))
    assert close(p @ lower @ upper, square)
    assert close(linalg.ldl_solve(*linalg.ldl_factor(symmetric), symmetric), torch.eye(3))
    a, tau = torch.geqrf(matrix)
    q = torch.ormqr(a, tau, torch.eye(4))
    assert close(q @ linalg.qr(matrix, "complete").R, matrix)
    assert close(torch.orgqr(a, tau), q[:, :3])


@pytest.mark.parametrize("low_rank", [torch.svd_lowrank, torch.pca_lowrank])
def test_low_rank(matrix, low_rank):
    wide = (matrix[:, :2] @ matrix[:2]).T
    centred = low_rank is torch.pca_lowrank
    target = wide - wide.mean(0) if centred else wide
    u, s, v = low_rank(wide, q=2)
    assert close(u * s @ v.T, target)


def test_a_singular_matrix_raises_where_a_program_could_catch_it():
    singular = torch.ones(2, 2)
    try:
        linalg.cholesky(singular - torch.eye(2))
        raised = ""
    except linalg.LinAlgError as e:
        raised = str(e)
    assert raised.startswith("linalg.cholesky: The factorization could not be completed")
    assert linalg.inv_ex(singular).info.item() == 2
    batch = torch.stack([torch.eye(3), torch.tensor([[1.0, 2, 0], [2, 1, 0], [0, 0, 1]])])
    assert linalg.cholesky_ex(batch).info.tolist() == [0, 2]


def test_elsewhere_it_raises_at_the_next_look():
    """So that a training step stays one program."""
    program = (
        "import jaxtorch as torch\n"
        "x = torch.linalg.inv(torch.ones(2, 2))\n"
        "print('recorded', flush=True)\n"
        "print(x)\n"
        "x.sum().item()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("recorded")
    assert "LinAlgError: linalg.inv: The diagonal element 2 is zero" in done.stderr


def test_a_loss_that_depends_on_a_phase_has_no_gradient():
    torch.manual_seed(0)
    a = torch.randn(3, 3, dtype=torch.complex64, requires_grad=True)
    for function, name in ((linalg.svd, "svd"), (linalg.eig, "linalg_eig")):
        loss = function(a)[-1].real.sum()
        with pytest.raises(RuntimeError, match=f"{name}_backward: The .* e\\^{{i phi}}"):
            torch.autograd.grad(loss, a)[0].tolist()


def test_what_qr_does_not_differentiate(matrix):
    matrix.requires_grad_()
    with pytest.raises(RuntimeError, match="depends on Q, which is not computed when mode='r'"):
        linalg.qr(matrix, "r").R.sum().backward()
    with pytest.raises(RuntimeError, match="when mode='complete' and nrows > ncols"):
        linalg.qr(matrix, "complete").R.sum().backward()


def test_equal_eigenvalues_have_a_gradient():
    a = torch.eye(3).requires_grad_()
    linalg.eigh(a).eigenvalues.sum().backward()
    assert a.grad.tolist() == torch.eye(3).tolist()


def test_second_derivatives_of_vectors():
    """Compiled too, where a fused multiply-add once left a gap between a value and itself."""
    torch.manual_seed(0)
    start = torch.randn(3, 3, dtype=torch.float64)

    def size_of_gradient(a):
        loss = sum((x.abs() ** 3).sum() for x in linalg.svd(a))
        return (torch.autograd.grad(loss, a, create_graph=True)[0] ** 2).sum()

    def at(a):
        return size_of_gradient(a.requires_grad_())

    (second,) = torch.autograd.grad(at(start), start)
    step = torch.zeros(3, 3, dtype=torch.float64)
    step[0, 1] = 1e-6
    slope = (at(start.detach() + step) - at(start.detach() - step)) / 2e-6
    assert abs(second[0, 1].item() - slope.item()) < 1e-4 * abs(slope.item())


def test_a_second_gradient_is_not_taken_for_a_phase():
    torch.manual_seed(0)
    a = torch.randn(3, 3, dtype=torch.complex128, requires_grad=True)
    loss = (linalg.eig(a).eigenvectors.abs() ** 3).sum()
    (gradient,) = torch.autograd.grad(loss, a, create_graph=True)
    (gradient.abs() ** 2).sum().backward()
    assert a.grad.isfinite().all().item()
