"""Encoders as programs that need none of this suite: torch.export and ONNX.

program = exported(load_encoder("runs/RUN"))
torch.export.save(program, "encoder.pt2")
as_onnx(load_encoder("runs/RUN")).save("encoder.onnx")
"""

import copy
import warnings
from importlib.util import find_spec

import torch

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.refusal import ConfigError

_TRACED_WITH = 3  # images; one alone would be taken for a constant


def exported(encoder: Encoder) -> torch.export.ExportedProgram:
    """The encoder as one graph, from uint8 `[N, C, H, W]` to float32 `[N, D]`.

    Any number N of images from 1 on, each of the shape that the encoder looks at
    (`Encoder.look_at` for another). In evaluation mode, on a CPU and in float32,
    whatever the encoder computes in: a program travels, and bf16 is not everywhere.
    The encoder itself is left as it is.
    """
    images, axes = _traced_with(encoder)
    return torch.export.export(_portable(encoder), (images,), dynamic_shapes=axes)


def as_onnx(encoder: Encoder) -> torch.onnx.ONNXProgram:
    """The same graph in ONNX: input `image`, output `latent`, axis `batch`.

    Raises:
        ConfigError: the packages `onnx` and `onnxscript` are not installed.
    """
    if not all(map(find_spec, ("onnx", "onnxscript"))):
        raise ConfigError(
            'ONNX needs onnx and onnxscript: pip install "curious-worlds[export]"'
        )
    images, axes = _traced_with(encoder)
    with warnings.catch_warnings():
        # torch's own way of copying what it traced
        warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
        program = torch.onnx.export(
            _portable(encoder),
            (images,),
            dynamo=True,
            dynamic_shapes=axes,
            input_names=["image"],
            output_names=["latent"],
            verbose=False,
        )
    assert program is not None  # it is only where a file was asked for
    return program


def _traced_with(
    encoder: Encoder,
) -> tuple[torch.Tensor, tuple[dict[int, torch.export.Dim]]]:
    images = torch.zeros(_TRACED_WITH, *encoder.image_shape, dtype=torch.uint8)
    return images, ({0: torch.export.Dim("batch", min=1)},)


def _portable(encoder: Encoder) -> Encoder:
    copied = copy.deepcopy(encoder).cpu().eval()
    copied.precision = Precision.FLOAT32
    for x in copied.parameters():  # whoever saves a program doubts other layouts
        x.data = torch.empty(x.shape).copy_(x.data)
    return copied
