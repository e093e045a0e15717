"""Programs with sparse tensors, to be run by torch and by jaxtorch alike."""


def _made(torch, values=(1.0, 2.0, 3.0, 4.0)):
    return torch.sparse_coo_tensor([[0, 1, 1, 0], [2, 0, 0, 2]], torch.tensor(values), (2, 3))


def _shown(x):
    return [x._indices().tolist(), x._values().tolist(), list(x.shape), x.is_coalesced()]


def _complaint(act):
    try:
        act()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "none"


def making(torch):
    """By coordinates, by old names, from what is dense; what belongs together."""
    i, v = torch.tensor([[0, 1], [2, 0]]), torch.tensor([1.0, 2.0])
    hybrid = torch.sparse_coo_tensor(i, torch.ones(2, 2), (2, 3, 2))
    legacy = torch.sparse.FloatTensor(i, v, torch.Size([2, 3]))
    dense = torch.tensor([[0.0, 5.0], [6.0, 0.0]]).to_sparse()
    nothing = torch.sparse_coo_tensor(torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0), (2, 3))
    return [
        _shown(torch.sparse_coo_tensor(i, v)), _shown(legacy), _shown(dense),
        isinstance(legacy, torch.sparse.FloatTensor), isinstance(legacy, torch.sparse.LongTensor),
        hybrid.to_dense().tolist(), [hybrid.sparse_dim(), hybrid.dense_dim()],
        nothing.to_dense().tolist(), repr(nothing),
        _complaint(lambda: torch.sparse_coo_tensor(i, torch.ones(3), (2, 3))),
        _complaint(lambda: torch.sparse_coo_tensor(i, v, (2, 3, 4))),
    ]  # fmt: skip


def asking(torch):
    """Sizes, dtypes, prints; indices only where each place is there once."""
    s = _made(torch)
    return [
        repr(s), repr(s.coalesce()), repr(s.double()), str(s.layout), s.is_sparse, s._nnz(),
        list(s.size()), s.size(0), s.ndim, s.numel(), len(s), str(s.dtype), str(s.device),
        s.type(), s.requires_grad, _shown(s.coalesce()), _shown(s.t()), _shown(s.transpose(0, 1)),
        s.coalesce().indices().tolist(), s.coalesce().values().tolist(), s.to_dense().tolist(),
        _shown(s.to(torch.float64)), _shown(s.cpu()), _shown(s.clone()), _shown(s.detach()),
        _complaint(s.indices), _complaint(s.values),
    ]  # fmt: skip


def products(torch):
    """With matrices and vectors, from either side, by every name."""
    s, x = _made(torch), torch.arange(6.0).view(3, 2)
    found = [
        torch.mm(s, x), s @ x, s.mm(x), torch.matmul(s, x), torch.sparse.mm(s, x),
        torch.spmm(s, x), torch.mv(s, x[:, 0]), s @ x[:, 1], x @ s, torch.mm(x, s),
        torch.matmul(s.t(), x[:2]), torch.sparse.addmm(torch.ones(2, 2), s, x, beta=2, alpha=3),
    ]  # fmt: skip
    return [*(y.tolist() for y in found), _complaint(lambda: s @ torch.ones(2, 2))]


def arithmetic(torch):
    s, x = _made(torch), torch.full((2, 3), 2.0)
    other = torch.sparse_coo_tensor([[0, 1], [1, 0]], [10.0, 20.0], (2, 3))
    return [
        *map(_shown, (s * 2, 3 * s, s / 2, -s, s + s, torch.add(s, s, alpha=2), s - s)),
        (s + other).to_dense().tolist(), (s - other).to_dense().tolist(),
        (s.coalesce() * x).to_dense().tolist(), (x + s).tolist(), s.sum().item(),
        torch.sparse.sum(s).item(), _complaint(lambda: s + x),
    ]  # fmt: skip


def softmaxes(torch):
    s = torch.sparse_coo_tensor([[0, 0, 1, 1], [0, 1, 1, 2]], [1.0, 2.0, 3.0, 5.0], (2, 3))
    found = [f(s, dim) for f in (torch.sparse.softmax, torch.sparse.log_softmax) for dim in (0, 1)]
    return [[round(x, 5) for x in y.coalesce().values().tolist()] for y in found]


def gradients(torch):
    """Of the values and of the dense matrix, through a product, a sum of places and a softmax."""
    v = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    x = torch.arange(6.0).view(3, 2).requires_grad_()
    s = torch.sparse_coo_tensor([[0, 1, 1, 0], [2, 0, 0, 2]], v, (2, 3))
    ((torch.sparse.mm(s, x) ** 2).sum() + (s.coalesce().to_dense() ** 2).sum()).backward()
    w = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    s = torch.sparse_coo_tensor([[0, 0, 1, 1], [0, 1, 1, 2]], w, (2, 3))
    (torch.sparse.softmax(s, 1).to_dense() ** 2).sum().backward()
    return [s.requires_grad, v.grad.tolist(), x.grad.tolist(),
            [round(g, 4) for g in w.grad.tolist()]]  # fmt: skip


def saved_by_a_function(torch):
    """A product whose backward is written by hand, as graph attention has it."""

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, indices, values, size, dense):
            sparse = torch.sparse_coo_tensor(indices, values, size)
            ctx.save_for_backward(sparse, dense)
            return torch.matmul(sparse, dense)

        @staticmethod
        def backward(ctx, grad):
            sparse, dense = ctx.saved_tensors
            rows, columns = sparse._indices()
            return None, grad.matmul(dense.t())[rows, columns], None, sparse.t().matmul(grad)

    v = torch.tensor([1.0, 2.0], requires_grad=True)
    x = torch.arange(6.0).view(3, 2).requires_grad_()
    made = Product.apply(torch.tensor([[0, 1], [2, 0]]), v, torch.Size([2, 3]), x)
    (made**2).sum().backward()
    return [made.tolist(), v.grad.tolist(), x.grad.tolist()]


PROGRAMS = [making, asking, products, arithmetic, softmaxes, gradients, saved_by_a_function]
