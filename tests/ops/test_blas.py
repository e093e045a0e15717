"""Products of vectors and matrices."""

from tests import oracle
from tests.oracle import F, I, V, raises, row

M, N = F(2, 3), F(3, 4)
D = {"dtype": "float64"}

ROWS = [
    *(row("matmul", F(*a), F(*b), second=True) for a, b in (
        ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)))),
    *(row("matmul", F(*a), F(*b), node=False) for a, b in (
        ((2, 2, 3), (3, 4)), ((2, 3), (2, 3, 4)), ((2, 2, 3), (2, 3, 4)), ((5, 1, 2, 3), (2, 3, 4)),
        ((2, 2, 3), (3,)), ((3,), (2, 3, 4)), ((0, 3), (3, 4)), ((2, 0), (0, 4)))),
    row("matmul", I(2, 3), I(3, 4)),
    row("matmul", F(2, 3, dtype="bfloat16"), F(3, 4, dtype="bfloat16")),
    row("matmul", F(2, 3, dtype="float16"), F(3, 4, dtype="float16")),
    row("matmul", F(2, 3, **D), F(3, 4, **D)),
    row("matmul", F(2, 3, dtype="complex64"), F(3, 4, dtype="complex64")),
    row("mm", M, N, second=True),
    row("mv", M, F(3)),
    row("bmm", F(2, 3, 4), F(2, 4, 2), second=True),
    row("dot", F(3), F(3), second=True),
    row("dot", I(3), I(3)),
    row("vdot", F(3), F(3)),
    row("vdot", F(3, dtype="complex64"), F(3, dtype="complex64"), node=False),
    row("outer", F(2), F(3), second=True),
    row("ger", F(2), F(3)),
    row("inner", F(2, 3), F(4, 3), node=False),
    row("inner", F(3), F(3), node=False),
    row("addmm", F(4), M, N, second=True),
    row("addmm", F(2, 4), M, N, beta=0.5, alpha=2),
    row("addmm", 0.5, F(2, 4), 2, M, N, inplace=False, out=False),
    row("Tensor.addmm", F(2, 4), 0.5, M, N),
    raises("addmm", F(4), F(2, 3, dtype="float64"), F(3, 4), error=RuntimeError,
           text="mat1 and mat2 must have the same dtype, but got Double and Float"),
    row("addmm", V([float("nan")] * 4), M, N, beta=0, grad=False),
    row("addmv", F(2), M, F(3), beta=0.5, alpha=2),
    row("addmv", F(2), M, F(3)),
    row("addr", F(2, 3), F(2), F(3), beta=0.5, alpha=2),
    row("addr", F(2, 3), F(2), F(3)),
    row("baddbmm", F(2, 3, 2), F(2, 3, 4), F(2, 4, 2), beta=0.5, alpha=2),
    row("baddbmm", F(2), F(2, 3, 4), F(2, 4, 2)),
    row("addbmm", F(3, 2), F(2, 3, 4), F(2, 4, 2), beta=0.5, alpha=2),
    row("tensordot", F(2, 3, 4), F(3, 4, 2), node=False),
    row("tensordot", F(2, 3, 4), F(4, 3, 2), dims=([1, 2], [1, 0]), node=False),
    row("tensordot", F(2, 3), F(3, 2), 1, node=False),
    row("tensordot", F(2, 3), F(3, 2), V(1), node=False),
    row("cross", F(2, 3), F(2, 3), axis=1, node=False),
    row("tensordot", F(1, 1, 2), F(3, 1, 4), dims=([0, 1], [0, 1]), node=False),
    row("kron", F(2, 3), F(3, 2), node=False),
    row("kron", F(2), F(3, 2), node=False),
    row("cross", F(2, 3), F(2, 3), dim=1, second=True),
    row("cross", F(3, 2), F(3, 2), dim=0),
    row("linalg.cross", F(2, 3), F(2, 3)),
    row("trace", F(3, 4), second=True),
    row("trace", I(3, 3)),
    row("chain_matmul", M, N, F(4, 2), node=False),

    raises("matmul", M, M, error=RuntimeError,
           text="mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
    raises("matmul", F(2, 2, 3), F(4, 5), error=RuntimeError,
           text="mat1 and mat2 shapes cannot be multiplied (4x3 and 4x5)"),
    raises("matmul", F(2, 2, 3), F(2, 4, 5), error=RuntimeError,
           text="Expected size for first two dimensions of batch2 tensor to be: [2, 3] but got: "
                "[2, 4]."),
    raises("matmul", F(2, 2, 3), F(3, 3, 5), error=RuntimeError,
           text="The size of tensor a (2) must match the size of tensor b (3) at non-singleton "
                "dimension 0"),
    raises("matmul", M, F(), error=RuntimeError,
           text="both arguments to matmul need to be at least 1D, but they are 2D and 0D"),
    raises("matmul", M, F(4), error=RuntimeError,
           text="size mismatch, got input (2), mat (2x3), vec (4)"),
    raises("matmul", F(3), F(4), error=RuntimeError,
           text="inconsistent tensor size, expected tensor [3] and src [4] to have the same number "
                "of elements, but got 3 and 4 elements respectively"),
    raises("matmul", M, F(3, 4, **D), error=RuntimeError,
           text="expected m1 and m2 to have the same dtype, but got: float != double"),
    raises("matmul", M, I(3, 4), error=RuntimeError, text="but got: float != long int"),
    raises("mm", M, F(4, 5), error=RuntimeError,
           text="mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    raises("mm", M, F(3), error=RuntimeError, text="mat2 must be a matrix"),
    raises("bmm", M, N, error=RuntimeError, text="batch1 must be a 3D tensor"),
    raises("bmm", F(2, 3, 4), F(3, 4, 5), error=RuntimeError,
           text="Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: "
                "[3, 4]."),
    raises("dot", M, M, error=RuntimeError, text="1D tensors expected, but got 2D and 2D tensors"),
    raises("dot", F(3), I(3), error=RuntimeError,
           text="dot : expected both vectors to have same dtype, but found Float and Long"),
    raises("mv", M, F(5), error=RuntimeError,
           text="size mismatch, got input (2), mat (2x3), vec (5)"),
    raises("outer", M, F(3), error=RuntimeError, text="outer: Expected 1-D argument self"),
    raises("addmm", F(7), M, N, error=RuntimeError,
           text="The expanded size of the tensor (4) must match the existing size (7) at "
                "non-singleton dimension 1.  Target sizes: [2, 4].  Tensor sizes: [7]"),
    raises("tensordot", M, M, 1, error=RuntimeError,
           text="contracted dimensions need to match, but first has size 3 in dim -1 and second "
                "has size 2 in dim 0"),
    raises("inner", M, F(4), error=RuntimeError,
           text="inner() the last dimension must match on both input tensors but got shapes [2, 3] "
                "and [4]"),
    raises("cross", F(2, 3), F(2, 4), dim=1, error=RuntimeError,
           text="must have length 3. Got 3 and 4"),
    raises("trace", F(3), error=RuntimeError,
           text="trace: expected a matrix, but got tensor with dim 1"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
