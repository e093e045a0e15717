"""torch.nn.utils: gradients clipped, parameters as vectors, sequences padded and packed."""

from jaxtorch.nn.utils import rnn as rnn
from jaxtorch.nn.utils.clip_grad import (
    clip_grad_norm as clip_grad_norm,
    clip_grad_norm_ as clip_grad_norm_,
    clip_grad_value_ as clip_grad_value_,
    get_total_norm as get_total_norm,
)
from jaxtorch.nn.utils.convert_parameters import (
    parameters_to_vector as parameters_to_vector,
    vector_to_parameters as vector_to_parameters,
)
