"""The encoder of the Fashion-MNIST table."""

import pytest
import torch

from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.small_cnn import SmallCnnConfig


def images(num: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    shape = (num, 3, height, width)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def test_sizes_and_maps() -> None:
    encoder = SmallCnnConfig(11, (5, 6, 7), Precision.FLOAT32).build((3, 20, 29))
    assert encoder.maps_shape == (7, 5, 8)
    latent, maps = encoder.with_maps(images(4, 20, 29))
    assert latent.shape == (4, 11)
    assert maps.shape == (4, 7, 5, 8)
    assert encoder(images(4, 13, 16)).shape == (4, 11), "any size"
    bare = SmallCnnConfig(0, (5, 6), Precision.FLOAT32).build((3, 20, 29))
    assert bare.size == 6
    mean = bare.with_maps(images(4, 20, 29))[1].mean((-2, -1))
    torch.testing.assert_close(bare(images(4, 20, 29)), mean)


def test_images_see_each_other_in_training_alone() -> None:
    encoder = SmallCnnConfig(11, (5, 6), Precision.FLOAT32).build((3, 12, 14))
    both = images(2, 12, 14)
    assert not torch.allclose(encoder(both)[:1], encoder(both[:1]), atol=1e-3)
    encoder.eval()
    torch.testing.assert_close(encoder(both)[:1], encoder(both[:1]))


@pytest.mark.parametrize("wrong", [{"size": -1}, {"widths": ()}, {"widths": (0, 3)}])
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        SmallCnnConfig(**wrong)  # type: ignore[arg-type]
