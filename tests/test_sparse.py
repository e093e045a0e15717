"""torch.sparse does what PyTorch's does (see ``sparse_programs.py``), and refuses the rest."""

import warnings

import pytest

import jaxtorch as torch
from tests import oracle, sparse_programs, stored


def run(program, library):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return program(library)


@pytest.mark.parametrize("program", sparse_programs.PROGRAMS, ids=lambda p: p.__name__)
def test_program(program):
    if oracle.torch is None:
        expected = stored.load(oracle.REFERENCE, "sparse")[program.__name__]
    else:
        expected = run(program, oracle.torch)
    seen = run(program, torch)
    for i, (mine, theirs) in enumerate(zip(seen, expected, strict=True)):
        assert mine == theirs, f"item {i}"


def test_indices_stay_within_the_size():
    with pytest.raises(RuntimeError, match="for dim 1, size is 2 but found index 2"):
        torch.sparse_coo_tensor([[0, 1], [2, 0]], [1.0, 2.0], (2, 2))


def test_what_is_not_here_is_refused():
    s = torch.eye(2).to_sparse()
    with pytest.raises(NotImplementedError, match="relu of a sparse tensor: to_dense"):
        torch.relu(s)
    with pytest.raises(NotImplementedError, match="two sparse tensors"):
        s @ s
    with pytest.raises(NotImplementedError, match=r"sum\(dim"):
        torch.sparse.sum(s, dim=0)
    with pytest.raises(NotImplementedError, match="COO is the one here"):
        torch.eye(2).to_sparse(layout=torch.sparse_csr)
    with pytest.raises(AttributeError, match="torch.sparse.spdiags is left out"):
        torch.sparse.spdiags(s)
