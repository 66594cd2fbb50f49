"""What is seen in demonstrations: an encoder by name, trained or not, or a model's."""

from dataclasses import dataclass
from pathlib import Path

from experiments.encoders.pretrained import PretrainedConfig, from_scratch
from experiments.evaluate.evaluation import load_agent
from experiments.model.config import TrainModelConfig
from experiments.model.saved import load_world_model
from experiments.runs.folder import RunFolder
from ssl_objectives.encoders.encoder import Encoder, EncoderConfig
from ssl_objectives.refusal import ConfigError
from world_models.belief import BeliefModel


@dataclass(frozen=True)
class WorldModelEncoderConfig:
    """The encoder of a world model, of `curious train-model` or of an agent's."""

    path: Path | None = None
    """the folder of its run, or a checkpoint in it"""

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Load it, for images of shape (C, H, W).

        Raises:
            NotARun, CheckpointError: there is no run at the path, or it cannot be read.
            ConfigError: no world model was trained there, it sees no single frames, or
                frames of another shape.
        """
        return opened(self, image_shape)[0]


def opened(
    config: EncoderConfig, image_shape: tuple[int, int, int]
) -> tuple[Encoder, EncoderConfig]:
    """An encoder for images of shape (C, H, W), and what builds one of its shape.

    The second names no file: what is saved with the weights is whole by itself.

    Raises:
        NotARun, CheckpointError, ConfigError: a trained one cannot be loaded, or looks
            at other images.
    """
    if isinstance(config, WorldModelEncoderConfig):
        return _of_world_model(config, image_shape)
    try:
        encoder = config.build(image_shape)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    plain = config.untrained() if isinstance(config, PretrainedConfig) else config
    return encoder, from_scratch(plain)


def _of_world_model(
    config: WorldModelEncoderConfig, image_shape: tuple[int, int, int]
) -> tuple[Encoder, EncoderConfig]:
    if config.path is None:
        raise ConfigError(
            "Which world model? Give the folder of its run: --encoder.path runs/RUN"
        )
    belief, built_by = _belief_at(config.path)
    encoder = belief.encoder
    if not isinstance(encoder, Encoder) or not isinstance(built_by, EncoderConfig):
        raise ConfigError(
            f"The world model of {config.path} sees no pixels, and demonstrations are "
            "frames. Take one that does."
        )
    if belief.num_frames > 1:
        raise ConfigError(
            f"The world model of {config.path} sees {belief.num_frames} frames at "
            "once, and a reward is of single ones. Train one with --core recurrent."
        )
    if not encoder.takes(image_shape):
        raise ConfigError(
            f"The world model of {config.path} looks at frames of shape "
            f"{encoder.image_shape} (channels, height, width), and the demonstrations' "
            f"are {image_shape}: give --size, or record in its world."
        )
    encoder.look_at(image_shape)
    return encoder, from_scratch(built_by)


def _belief_at(path: Path) -> tuple[BeliefModel, object]:
    """The belief model of a run, and the config of its encoder."""
    if isinstance(RunFolder.open(path).config(), TrainModelConfig):
        model, trained = load_world_model(path, "cpu")
        return model.belief, trained.encoder
    player, agent = load_agent(path, "cpu")
    if player.world_model is None:
        raise ConfigError(
            f"The agent of {path} has no world model. Take a run with one, such as "
            "byol-explore."
        )
    return player.world_model.belief, agent.agent.encoder
