"""Every layer beside torch's: what it prints, holds at first, returns, and how it differentiates.

A row is a constructor, written as a program would write it, and its inputs. Both libraries start
from the same seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests import oracle, stored
from tests.oracle import F, I, Side, V

IMAGE = F(2, 4, 6, 5)


@dataclass
class Layer:
    text: str
    inputs: tuple
    options: dict
    random: bool = False  # training draws numbers: compare outputs in eval mode only
    limits: tuple | None = None

    def __str__(self) -> str:
        return f"{self.text}({', '.join(map(repr, self.inputs))})"


def layer(text: str, *inputs, random=False, limits=None, **options) -> Layer:
    return Layer(text, inputs, options, random, limits)


ROWS = [
    # linear
    layer("nn.Linear(3, 4)", F(2, 3)),
    layer("nn.Linear(3, 4, bias=False)", F(2, 5, 3)),
    layer("nn.Linear(3, 4, dtype=torch.float64)", F(2, 3, dtype="float64")),
    layer("nn.Bilinear(3, 4, 2)", F(5, 3), F(5, 4)),
    layer("nn.Identity(54, unused=True)", F(2, 3)),
    # convolution
    layer("nn.Conv1d(4, 6, 3, stride=2, padding=1)", F(2, 4, 9)),
    layer("nn.Conv2d(4, 6, 3)", IMAGE),
    layer("nn.Conv2d(4, 6, (3, 2), 2, (1, 0), dilation=2, bias=False)", F(2, 4, 9, 8)),
    layer("nn.Conv2d(4, 6, 3, padding='same', groups=2)", IMAGE),
    layer("nn.Conv2d(4, 4, 3, padding='valid')", IMAGE),
    layer("nn.Conv2d(4, 3, 3, padding=1, padding_mode='reflect')", IMAGE),
    layer("nn.Conv2d(4, 3, 3, padding=(1, 2), padding_mode='circular')", IMAGE),
    layer("nn.Conv2d(4, 3, 3, padding=1, padding_mode='replicate')", F(4, 6, 5)),
    layer("nn.Conv3d(2, 3, 2)", F(1, 2, 4, 3, 3)),
    layer("nn.ConvTranspose1d(4, 3, 3, stride=2, padding=1, output_padding=1)", F(2, 4, 5)),
    layer("nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2)", IMAGE),
    layer("nn.ConvTranspose3d(2, 3, 2)", F(1, 2, 3, 2, 2)),
    # normalization
    layer("nn.BatchNorm1d(3)", F(5, 3)),
    layer("nn.BatchNorm1d(3, affine=False)", F(5, 3, 4)),
    layer("nn.BatchNorm2d(4, eps=1e-3, momentum=0.3)", IMAGE),
    layer("nn.BatchNorm2d(4, momentum=None)", IMAGE),
    layer("nn.BatchNorm2d(4, track_running_stats=False)", IMAGE),
    layer("nn.BatchNorm2d(4, bias=False)", IMAGE),
    layer("nn.BatchNorm3d(2)", F(2, 2, 3, 2, 2)),
    layer("nn.InstanceNorm1d(3)", F(2, 3, 4)),
    layer("nn.InstanceNorm2d(4, affine=True, track_running_stats=True)", IMAGE),
    layer("nn.InstanceNorm2d(4)", F(4, 3, 3)),
    layer("nn.InstanceNorm3d(2)", F(2, 2, 3, 2, 2)),
    layer("nn.LayerNorm(5)", F(2, 3, 5)),
    layer("nn.LayerNorm([3, 5], eps=1e-3, bias=False)", F(2, 3, 5)),
    layer("nn.LayerNorm(5, elementwise_affine=False)", F(2, 5)),
    layer("nn.GroupNorm(2, 4)", IMAGE),
    layer("nn.GroupNorm(2, 4, affine=False)", F(3, 4)),
    layer("nn.RMSNorm(5)", F(2, 5)),
    layer("nn.RMSNorm((3, 5), eps=1e-3, elementwise_affine=False)", F(2, 3, 5)),
    layer("nn.LocalResponseNorm(2)", IMAGE),
    # sparse
    layer("nn.Embedding(7, 3)", I(2, 4, low=0, high=7)),
    layer("nn.Embedding(7, 3, padding_idx=-2)", I(2, 4, low=0, high=7)),
    layer("nn.Embedding(7, 3, max_norm=1.0, norm_type=1.0)", I(2, 4, low=0, high=7)),
    layer("nn.EmbeddingBag(7, 3)", I(2, 4, low=0, high=7)),
    layer("nn.EmbeddingBag(7, 3, mode='sum', padding_idx=1)", I(2, 4, low=0, high=7)),
    # dropout
    layer("nn.Dropout(0.3)", F(3, 4), random=True),
    layer("nn.Dropout(0.0)", F(3, 4)),
    layer("nn.Dropout1d()", F(2, 3, 4), random=True),
    layer("nn.Dropout2d(p=0.1, inplace=True)", IMAGE, random=True),
    layer("nn.Dropout3d()", F(2, 2, 3, 2, 2), random=True),
    layer("nn.AlphaDropout()", F(3, 4), random=True),
    layer("nn.FeatureAlphaDropout()", IMAGE, random=True),
    # pooling
    layer("nn.MaxPool1d(2)", F(2, 3, 7)),
    layer("nn.MaxPool2d(2, return_indices=True)", IMAGE),
    layer("nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)", IMAGE),
    layer("nn.MaxPool2d((2, 3), dilation=2)", F(1, 2, 8, 8)),
    layer("nn.MaxPool3d(2)", F(1, 2, 4, 4, 4)),
    layer("nn.AvgPool1d(2, padding=1)", F(2, 3, 7)),
    layer("nn.AvgPool2d(3, 2, 1, count_include_pad=False)", IMAGE),
    layer("nn.AvgPool2d(2, divisor_override=3)", IMAGE),
    layer("nn.AvgPool3d(2)", F(1, 2, 4, 4, 4)),
    layer("nn.LPPool1d(2, 3)", F(2, 3, 7)),
    layer("nn.LPPool3d(2, 2)", F(1, 2, 4, 4, 4)),
    layer("nn.LPPool2d(1.5, 2, stride=1)", F(2, 4, 6, 5, low=0.1, high=1.0)),
    layer("nn.AdaptiveAvgPool1d(3)", F(2, 3, 7)),
    layer("nn.AdaptiveAvgPool2d((None, 2))", IMAGE),
    layer("nn.AdaptiveAvgPool3d(2)", F(1, 2, 3, 4, 5)),
    layer("nn.AdaptiveMaxPool1d(3)", F(2, 3, 7)),
    layer("nn.AdaptiveMaxPool2d((3, 2), return_indices=True)", IMAGE),
    layer("nn.AdaptiveMaxPool3d(2)", F(1, 2, 3, 4, 5)),
    layer("nn.MaxUnpool1d(2)", F(1, 2, 2), V([[[1, 2], [0, 3]]])),
    layer("nn.MaxUnpool2d(2, stride=3, padding=1)", F(1, 1, 2, 2), V([[[[0, 3], [1, 2]]]]),
          output_size=(3, 3)),
    layer("nn.MaxUnpool3d(2)", F(1, 1, 1, 2, 2), V([[[[[0, 20], [31, 8]]]]])),
    layer("nn.FractionalMaxPool2d(2, output_ratio=0.6, return_indices=True)", IMAGE),
    layer("nn.FractionalMaxPool3d(2, output_size=(2, 1, 3))", F(1, 2, 5, 4, 6)),
    # activation
    layer("nn.RReLU()", F(3, 4)),
    layer("nn.RReLU(0.2, 0.5, inplace=True)", F(3, 4, grad=False)),
    *(
        layer(text, F(3, 4))
        for text in (
            "nn.ReLU()", "nn.ReLU(inplace=False)", "nn.ReLU6()", "nn.Sigmoid()", "nn.Tanh()",
            "nn.SiLU()", "nn.Mish()", "nn.Hardswish()", "nn.Hardsigmoid()", "nn.ELU(0.5)",
            "nn.CELU(1.2)", "nn.SELU()", "nn.GLU()", "nn.GLU(dim=1)", "nn.GELU()",
            "nn.GELU('tanh')", "nn.Hardshrink()", "nn.Softshrink(0.2)", "nn.LeakyReLU(0.2)",
            "nn.LogSigmoid()", "nn.Softplus(2, 3)", "nn.PReLU()", "nn.PReLU(4, init=0.1)",
            "nn.Softsign()", "nn.Tanhshrink()", "nn.Softmin(dim=1)", "nn.Softmax(dim=-1)",
            "nn.LogSoftmax(dim=0)", "nn.Threshold(0.1, 20)", "nn.Hardtanh(-0.3, 0.4)",
        )
    ),
    layer("nn.Softmax2d()", IMAGE),
    # shapes
    layer("nn.Flatten()", IMAGE),
    layer("nn.Flatten(0, 1)", IMAGE),
    layer("nn.Unflatten(1, (2, 2))", IMAGE),
    layer("nn.Fold((4, 5), 2)", F(2, 8, 12)),
    layer("nn.Unfold(2, padding=1)", IMAGE),
    layer("nn.PixelShuffle(2)", IMAGE),
    layer("nn.PixelUnshuffle(2)", F(2, 3, 4, 6)),
    layer("nn.ChannelShuffle(2)", IMAGE),
    layer("nn.Upsample(scale_factor=2)", IMAGE),
    layer("nn.Upsample(size=(4, 9), mode='bilinear')", IMAGE),
    layer("nn.UpsamplingNearest2d(scale_factor=2)", IMAGE),
    layer("nn.UpsamplingBilinear2d(size=(7, 7))", IMAGE),
    layer("nn.ZeroPad1d(2)", F(2, 3, 4)),
    layer("nn.ZeroPad2d((1, 0, 2, 1))", IMAGE),
    layer("nn.ZeroPad3d(1)", F(2, 2, 3, 2, 2)),
    layer("nn.ConstantPad1d(1, 3.5)", F(2, 3, 4)),
    layer("nn.ConstantPad2d(1, -1)", IMAGE),
    layer("nn.ConstantPad3d(1, 0.5)", F(2, 2, 3, 2, 2)),
    layer("nn.ReflectionPad1d(2)", F(2, 3, 4)),
    layer("nn.ReflectionPad2d((1, 2, 0, 1))", IMAGE),
    layer("nn.ReflectionPad3d(1)", F(2, 2, 3, 2, 2)),
    layer("nn.ReplicationPad1d((1, 2))", F(2, 3, 4)),
    layer("nn.ReplicationPad2d(2)", IMAGE),
    layer("nn.ReplicationPad3d(1)", F(2, 2, 3, 2, 2)),
    layer("nn.CircularPad1d(2)", F(2, 3, 4)),
    layer("nn.CircularPad2d((1, 2, 0, 1))", IMAGE),
    layer("nn.CircularPad3d(1)", F(2, 2, 3, 2, 2)),
    # distances
    layer("nn.PairwiseDistance()", F(4, 3), F(4, 3)),
    layer("nn.CosineSimilarity()", F(4, 3), F(4, 3)),
    # recurrent
    layer("nn.RNN(3, 4)", F(5, 2, 3)),
    layer("nn.RNN(3, 4, 2, nonlinearity='relu', batch_first=True)", F(2, 5, 3)),
    layer("nn.LSTM(3, 4)", F(5, 2, 3)),
    layer("nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True)", F(2, 5, 3)),
    layer("nn.LSTM(3, 4, proj_size=2, bias=False)", F(5, 3)),
    layer("nn.GRU(3, 4, num_layers=2, bidirectional=True)", F(5, 2, 3)),
    layer("nn.GRU(3, 4, bias=False)", F(5, 2, 3), F(1, 2, 4)),
    layer("nn.RNNCell(3, 4, nonlinearity='relu')", F(2, 3)),
    layer("nn.LSTMCell(3, 4)", F(2, 3)),
    layer("nn.GRUCell(3, 4)", F(3), F(4)),
    # attention
    layer("nn.MultiheadAttention(4, 2)", F(5, 2, 4), F(3, 2, 4), F(3, 2, 4)),
    layer("nn.MultiheadAttention(4, 2, batch_first=True, bias=False)", *[F(2, 5, 4)] * 3),
    layer("nn.MultiheadAttention(4, 2, kdim=3, vdim=5)", F(5, 2, 4), F(3, 2, 3), F(3, 2, 5)),
    layer("nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)", *[F(5, 2, 4)] * 3),
    layer("nn.MultiheadAttention(4, 1)", F(5, 4), F(3, 4), F(3, 4), need_weights=False),
    layer("nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0)", F(5, 2, 4)),
    layer(
        "nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, activation='gelu', batch_first=True, "
        "norm_first=True)",
        F(2, 5, 4),
    ),
    layer("nn.TransformerDecoderLayer(4, 2, 8, dropout=0.0)", F(5, 2, 4), F(3, 2, 4)),
    layer("nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, 0.0), 2)", *[F(5, 2, 4)] * 2),
    layer(
        "nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True), 2)",
        F(2, 5, 4),
    ),
    layer("nn.Transformer(4, 2, 1, 1, 8, dropout=0.0)", F(5, 2, 4), F(3, 2, 4)),
    # losses
    layer("nn.L1Loss()", F(3, 4), F(3, 4)),
    layer("nn.MSELoss(reduction='sum')", F(3, 4), F(3, 4)),
    layer("nn.SmoothL1Loss(beta=0.5)", F(3, 4), F(3, 4)),
    layer("nn.HuberLoss(delta=0.5)", F(3, 4), F(3, 4)),
    layer("nn.CrossEntropyLoss()", F(5, 3), I(5, low=0, high=3)),
    layer("nn.CrossEntropyLoss(torch.tensor([1., 2., 3.]), label_smoothing=0.1)",
          F(5, 3), I(5, low=0, high=3)),
    layer("nn.NLLLoss(ignore_index=1, reduction='none')", F(5, 3), I(5, low=0, high=3)),
    layer("nn.CTCLoss(zero_infinity=True)", F(8, 3, 5), V([[1, 2, 2], [3, 1, 4], [2, 3, 1]]),
          V([8, 6, 3]), V([3, 2, 3])),
    layer("nn.LinearCrossEntropyLoss(3, 4)", F(5, 3), I(5, low=0, high=4)),
    layer("nn.LinearCrossEntropyLoss(3, 4, out_features=(2,), bias=True, reduction='sum')",
          F(5, 3), I(5, 2, low=0, high=4)),
    layer("nn.PoissonNLLLoss(full=True)", F(3, 4), F(3, 4, low=0.0, high=3.0, grad=False)),
    layer("nn.GaussianNLLLoss()", F(3, 4), F(3, 4), F(3, 4, low=0.1, high=1.0)),
    layer("nn.KLDivLoss(reduction='batchmean')", F(3, 4), F(3, 4, low=0.1, high=1.0)),
    layer("nn.BCELoss()", F(3, 4, low=0.1, high=0.9), F(3, 4, low=0.0, high=1.0, grad=False)),
    layer("nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1., 2., 3., 4.]))",
          F(3, 4), F(3, 4, low=0.0, high=1.0, grad=False)),
    layer("nn.HingeEmbeddingLoss()", F(3, 4), F(3, 4, grad=False)),
    layer("nn.CosineEmbeddingLoss(0.2)", F(4, 3), F(4, 3), V([1, -1, 1, -1])),
    layer("nn.MultiLabelMarginLoss()", F(2, 4), V([[1, 3, -1, 0], [0, -1, 1, 2]])),
    layer("nn.SoftMarginLoss()", F(3, 4), F(3, 4, grad=False)),
    layer("nn.MarginRankingLoss(0.5)", F(4), F(4), F(4, grad=False)),
    layer("nn.MultiLabelSoftMarginLoss()", F(3, 4), F(3, 4, low=0.0, high=1.0, grad=False)),
    layer("nn.MultiMarginLoss()", F(5, 3), I(5, low=0, high=3)),
    layer("nn.TripletMarginLoss()", F(4, 3), F(4, 3), F(4, 3)),
    layer("nn.TripletMarginWithDistanceLoss()", F(4, 3), F(4, 3), F(4, 3)),
    # containers
    layer("nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)))", F(2, 3)),
    layer(
        "nn.Sequential(nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), "
        "nn.Linear(36, 2))",
        IMAGE,
    ),
]  # fmt: skip


def observe(library, row: Layer) -> dict[str, Any]:
    """What a library's layer prints, holds, returns and differentiates to."""
    side = Side(library)
    library.manual_seed(0)
    made = eval(row.text, {"nn": library.nn, "torch": library})
    seen: dict[str, Any] = {"repr": repr(made), "state": _state(side, made)}
    tensors = [side.tensor(s.array(i), s.grad) for i, s in enumerate(row.inputs)]
    if not row.random:
        outs = _flat(made(*tensors, **row.options), library)
        seen["train"] = [side.read(x) for x in outs]
        inputs = [t for t in [*tensors, *made.parameters()] if t.requires_grad]
        grads = side.gradients(outs, inputs, 0)
        seen["grads"] = [None if g is None else side.read(g) for g in grads]
        seen["after"] = _state(side, made)
    made.eval()
    tensors = [t.detach() for t in tensors]
    seen["eval"] = [side.read(x) for x in _flat(made(*tensors, **row.options), library)]
    return seen


def _state(side: Side, made) -> dict:
    return {name: side.read(t) for name, t in made.state_dict().items()}


def _flat(result, library) -> list:
    if isinstance(result, library.Tensor):
        return [result]
    return [x for part in result if part is not None for x in _flat(part, library)]


def compare(seen: dict[str, Any], expected: dict[str, Any], limits) -> None:
    assert seen["repr"] == expected["repr"]
    for part in ("state", "after"):
        if part in expected:
            assert list(seen[part]) == list(expected[part])
            for name, theirs in expected[part].items():
                oracle.agree(f"{part} {name}", seen[part][name], theirs, limits)
    for part in ("train", "eval", "grads"):
        if part in expected:
            oracle.agree_all(part, seen[part], expected[part], limits or (1e-5, 2e-6))


def expected(row: Layer) -> dict[str, Any]:
    """What torch does: asked now where it is installed, else as stored."""
    if oracle.torch is None:
        return stored.load(oracle.REFERENCE, "layers")[str(row)]
    with oracle.no_warnings():
        return observe(oracle.torch, row)


def bitwise_equal(seen: dict, expected: dict) -> bool:
    return all(
        kind == theirs and np.array_equal(value, other)
        for (kind, value), (theirs, other) in zip(seen.values(), expected.values(), strict=True)
    )
