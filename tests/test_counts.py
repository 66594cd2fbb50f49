"""Counts of parts: every config that builds parts one by one knows a bound."""

from collections.abc import Callable

import pytest

from agents.curiosity.progress.config import DeltaProgressConfig
from ssl_objectives.counts import MOST, check_count
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.heads import Mlp
from ssl_objectives.encoders.linear_stack import LinearStack
from ssl_objectives.encoders.modalities import PerModality
from ssl_objectives.encoders.vit import ViTConfig
from ssl_objectives.methods.clusters.self_label import SelfLabelConfig
from ssl_objectives.views.maker import MultiCrop
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.history import HistoryConfig
from world_models.cores.latent import LatentCoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.hindsight.config import HindsightHeadConfig
from world_models.model_config import LatentDynamicsConfig
from world_models.objects.ensemble import ObjectEnsembleConfig
from world_models.terms.ensemble import EnsembleConfig

COUNTED: list[tuple[Callable[..., object], str]] = [
    (Mlp, "layers"),
    (LinearStack, "layers"),
    (PerModality, "num"),
    (ViTConfig, "depth"),
    (PatchConfig, "depth"),
    (SelfLabelConfig, "heads"),
    (MultiCrop, "num_small"),
    (RecurrentConfig, "num_frames"),
    (LatentCoreConfig, "num_frames"),
    (FrameStackConfig, "num_frames"),
    (HistoryConfig, "num_rows"),
    (HindsightHeadConfig, "layers"),
    (LatentDynamicsConfig, "horizon"),
    (EnsembleConfig, "heads"),
    (ObjectEnsembleConfig, "heads"),
    (DeltaProgressConfig, "delta"),
]


@pytest.mark.parametrize(("config", "name"), COUNTED)
def test_nobody_builds_billions(config: Callable[..., object], name: str) -> None:
    config(**{name: 2})
    with pytest.raises(ValueError, match=f"{name} must be at most 1,000"):
        config(**{name: 2**31})
    with pytest.raises(ValueError, match=f"{name} must be at least"):
        config(**{name: -1})


def test_bounds_themselves_are_allowed() -> None:
    check_count("parts", 1)
    check_count("parts", 0, least=0)
    check_count("parts", MOST)
    with pytest.raises(ValueError, match="parts must be at least 1, not 0"):
        check_count("parts", 0)
