"""A saved encoder comes back whole, or says why not; agents see with it."""

import json
import math
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from agents.ppo.build import PpoAgentConfig
from experiments.encoders.pretrained import PretrainedConfig, from_scratch
from experiments.encoders.saved import (
    ENCODER_FILE,
    SavedEncoderError,
    describe_encoder,
    load_encoder,
    save_encoder,
)
from experiments.runs.checkpoints.checkpoint import save_checkpoint
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.train.presets import train_config
from experiments.train.task import build_agent, train
from ssl_objectives.encoders.cnn import ImpalaConfig, PatchConfig
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.residual import Stem
from ssl_objectives.encoders.resnet import ResNetConfig
from ssl_objectives.encoders.standardize import IMAGENET_MEAN, IMAGENET_STD
from ssl_objectives.encoders.torchvision_keys import load_torchvision, to_torchvision
from ssl_objectives.encoders.vit import ViTConfig
from ssl_objectives.learn.pace import by_pace
from ssl_objectives.refusal import ConfigError

CONFIG = ImpalaConfig(11, (4, 6), Precision.FLOAT32)
SHAPE = (3, 20, 14)


def images(count: int = 5, shape: tuple[int, int, int] = SHAPE) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(256, (count, *shape), dtype=torch.uint8, generator=generator)


def saved(path: Path, **changes: Any) -> Encoder:
    encoder = CONFIG.build(SHAPE)
    for x in encoder.parameters():  # also what begins at zero
        nn.init.normal_(x, std=0.1)
    save_encoder(path, encoder, CONFIG, SHAPE, "of a test", **changes)
    return encoder


def test_it_comes_back_in_one_line(tmp_path: Path) -> None:
    encoder = saved(tmp_path / ENCODER_FILE)
    assert [x.name for x in tmp_path.iterdir()] == [ENCODER_FILE]
    state = torch.get_rng_state()
    for place in (tmp_path / ENCODER_FILE, tmp_path, str(tmp_path)):
        again = load_encoder(place)
        assert torch.equal(again(images()), encoder(images()))
        assert not again.training
        assert again.image_shape == SHAPE
    assert torch.equal(torch.get_rng_state(), state)
    (tmp_path / ENCODER_FILE).unlink()  # nothing is read from it later
    assert torch.equal(again(images()), encoder(images()))


def test_the_file_says_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    encoder = saved(file)
    about = describe_encoder(file)
    assert about.config == CONFIG
    assert about.image_shape == SHAPE
    assert about.channels == ("red", "green", "blue")
    assert about.note == "of a test"
    # and to those who have nothing of ours
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    assert metadata["format_version"] == "2"
    content = json.loads(metadata["content"])
    assert content["input"]["shape"] == [3, 20, 14]
    assert content["input"]["dtype"] == "uint8"
    assert "255" in content["input"]["scaling"]
    assert content["output"] == {"size": 11, "dtype": "float32"}
    assert content["encoder"]["type"] == "ssl_objectives.encoders.cnn:ImpalaConfig"
    tensors = load_file(file)
    assert tensors.keys() == encoder.state_dict().keys()


def test_the_file_of_a_published_network_says_how_images_are_standardised(
    tmp_path: Path,
) -> None:
    """From torchvision's names into a file, and back out of it."""
    config = ResNetConfig(
        width=2,
        precision=Precision.FLOAT32,
        stem=Stem.IMAGENET,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    encoder, other = (config.build(SHAPE).eval() for _ in range(2))
    load_torchvision(encoder, to_torchvision(other))
    save_encoder(tmp_path / "x", encoder, config, SHAPE)
    assert torch.equal(load_encoder(tmp_path / "x")(images()), other(images()))
    with safe_open(tmp_path / "x", "pt") as opened:
        content = json.loads(opened.metadata()["content"])
    assert content["input"]["mean"] == list(IMAGENET_MEAN)
    assert content["input"]["std"] == list(IMAGENET_STD)
    names = {x.removeprefix("body.") for x in load_file(tmp_path / "x")}
    assert names == to_torchvision(other).keys()
    saved(tmp_path / "y")
    with safe_open(tmp_path / "y", "pt") as opened:
        plain = json.loads(opened.metadata()["content"])
    assert plain["input"]["mean"] == plain["input"]["std"] == []


def test_channels_can_be_named(tmp_path: Path) -> None:
    saved(tmp_path / "x", channels=("left", "right", "both"))
    assert describe_encoder(tmp_path / "x").channels == ("left", "right", "both")
    with pytest.raises(SavedEncoderError, match="3 channels, and 1 were named: gray"):
        saved(tmp_path / "x", channels=("gray",))
    shape = (4, 20, 14)
    save_encoder(tmp_path / "y", CONFIG.build(shape), CONFIG, shape)
    assert describe_encoder(tmp_path / "y").channels == ("unknown",) * 4


def test_a_file_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    before = saved(tmp_path / "x")
    with pytest.raises(ConfigError, match="cannot be imported again"):
        save_encoder(tmp_path / "x", _local().build(SHAPE), _local(), SHAPE)
    (tmp_path / "full").mkdir()
    with pytest.raises(SavedEncoderError, match=r"Could not write .*full.*untouched"):
        saved(tmp_path / "full")  # a folder cannot be replaced by a file
    assert {x.name for x in tmp_path.iterdir()} == {"x", "full"}
    assert torch.equal(load_encoder(tmp_path / "x")(images()), before(images()))


def test_a_folder_of_one_run_is_that_run(tmp_path: Path) -> None:
    """As the cells of a sweep are."""
    for name in ("run", "other"):
        (tmp_path / "cell" / name).mkdir(parents=True)
    encoder = saved(tmp_path / "cell" / "run" / ENCODER_FILE)
    again = load_encoder(tmp_path / "cell")
    assert torch.equal(again(images()), encoder(images()))
    saved(tmp_path / "cell" / "other" / ENCODER_FILE)
    with pytest.raises(SavedEncoderError, match="no encoder at"):  # which?
        load_encoder(tmp_path / "cell")


def test_what_could_not_be_loaded_is_not_saved(tmp_path: Path) -> None:
    saved(tmp_path / "x")
    other = replace(CONFIG, size=12)
    with pytest.raises(SavedEncoderError, match="ImpalaConfig does not build"):
        save_encoder(tmp_path / "y", CONFIG.build(SHAPE), other, SHAPE)
    assert not (tmp_path / "y").exists()


def _local() -> Any:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Local(ImpalaConfig):
        pass

    return Local()


def described(content: Any) -> dict[str, str]:
    text = json.dumps(content)
    return {"content": text, "content_crc32": str(zlib.crc32(text.encode()))}


def test_what_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    file = tmp_path / "x"
    encoder = saved(file)
    data = file.read_bytes()
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    tensors = {k: x.clone() for k, x in load_file(file).items()}  # not its memory map

    def refused(pattern: str) -> None:
        with pytest.raises(SavedEncoderError, match=pattern):
            load_encoder(file)

    for part in (0, 5, 100, len(data) // 2, len(data) - 1):
        file.write_bytes(data[:part])
        refused("cut off, damaged or no saved encoder")
    flipped = bytearray(data)
    flipped[-7] ^= 4
    file.write_bytes(flipped)
    refused("checksum mismatch")
    save_checkpoint(file, {"w": torch.zeros(2)}, 0)
    refused("not a saved encoder of Curious Worlds.*checkpoint")
    save_file(tensors, file, metadata | {"format_version": "3"})
    refused("format version 3.*Install")
    save_file(tensors, file, {k: v for k, v in metadata.items() if k != "content"})
    refused("is damaged")
    other = json.loads(metadata["content"])
    other["encoder"]["widths"] = [4, 8]
    save_file(tensors, file, metadata | {"content": json.dumps(other)})
    refused("checksum mismatch in its header")
    save_file(tensors, file, metadata | described(other))
    refused("do not fit the ImpalaConfig")
    other["encoder"]["type"] = "nowhere:Encoder"
    save_file(tensors, file, metadata | described(other))
    with pytest.raises(ConfigError, match=r"x: .*cannot import 'nowhere'"):
        load_encoder(file)
    file.unlink()
    refused("no encoder at .*curious pretrain")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SavedEncoderError, match="resume it"):
        load_encoder(tmp_path)
    assert encoder.training


# in agents


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """An encoder for the frames of the key-door world."""
    shape = train_config(world="key-door").world.build(1, "cpu").spec.obs_shape
    config = PatchConfig(9, width=3)
    file = tmp_path / ENCODER_FILE
    save_encoder(file, config.build(shape), config, shape)
    return file


def debug_run(
    tmp_path: Path, encoder: PretrainedConfig, core: str = "recurrent"
) -> Any:
    config = train_config(
        "byol-explore", "debug", "key-door", core, encoder="pretrained"
    )
    assert isinstance(config.agent, PpoAgentConfig)
    assert isinstance(config.agent.encoder, PretrainedConfig)
    return replace(
        config,
        agent=replace(config.agent, encoder=encoder),
        env_steps=240,
        runs=tmp_path / "runs",
        video_steps=0,
        device="cpu",
    )


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_an_agent_sees_with_it(tmp_path: Path, trained: Path, rate: float) -> None:
    [result] = train(debug_run(tmp_path, PretrainedConfig(trained, rate)))
    run = RunFolder.open(result.run.path)
    assert run.config().agent.encoder == PretrainedConfig(trained, rate)
    state = CheckpointFolder(run.checkpoints).load().state["modules"]
    before = load_file(trained)
    found = {}
    for key, x in state.items():
        _, middle, name = key.partition("belief.encoder.")
        if middle:
            found[name] = x
    assert found.keys() == before.keys()
    equal = [torch.equal(found[key], before[key]) for key in before]
    assert not any(equal) if rate else all(equal)


def test_a_frozen_encoder_has_no_gradient_and_no_mood(trained: Path) -> None:
    shape = describe_encoder(trained).image_shape
    encoder = PretrainedConfig(trained, rate=0).build(shape)
    encoder.train()
    nn.Sequential(encoder).train()
    assert not any(x.requires_grad for x in encoder.parameters())
    assert not any(x.training for x in encoder.body.modules())
    assert not encoder(images(3, shape)).requires_grad
    whole = load_encoder(trained)
    assert torch.equal(encoder(images(3, shape)), whole(images(3, shape)))
    free = PretrainedConfig(trained).build(shape)
    assert all(x.requires_grad for x in free.parameters())
    assert free.training
    slow = PretrainedConfig(trained, rate=0.25).build(shape)
    assert list(by_pace(slow.parameters())) == [0.25]


@pytest.mark.parametrize("rate", [-0.5, math.inf, math.nan])
def test_a_rate_is_a_share(trained: Path, rate: float) -> None:
    with pytest.raises(ConfigError, match="share of the learning rate"):
        PretrainedConfig(trained, rate=rate)


def test_the_control_has_the_shape_and_other_weights(trained: Path) -> None:
    shape = describe_encoder(trained).image_shape
    torch.manual_seed(0)
    control = PretrainedConfig(trained, rate=0, random=True).build(shape)
    torch.manual_seed(0)
    expected = describe_encoder(trained).config.build(shape)
    learned = load_encoder(trained)
    for key, x in control.state_dict().items():
        assert torch.equal(x, expected.state_dict()[key])
        assert x.shape == learned.state_dict()[key].shape
    assert not torch.equal(control(images(3, shape)), learned(images(3, shape)))
    assert not any(x.requires_grad for x in control.parameters())
    slow = PretrainedConfig(trained, rate=0.25, random=True).build(shape)
    assert list(by_pace(slow.parameters())) == [0.25]
    assert all(x.requires_grad for x in slow.parameters())
    assert slow.training


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_an_encoder_that_pools_sees_images_of_another_size(
    tmp_path: Path, rate: float
) -> None:
    config = ViTConfig(width=8, depth=1, heads=2, precision=Precision.FLOAT32)
    save_encoder(tmp_path / "x", config.build(SHAPE), config, SHAPE)
    given = PretrainedConfig(tmp_path / "x", rate)
    encoder = given.build((3, 36, 28)).eval()
    assert encoder.image_shape == (3, 36, 28)
    assert encoder.maps_shape == (8, 9, 7)
    large = images(2, (3, 36, 28))
    assert torch.equal(encoder(large), load_encoder(tmp_path / "x")(large))
    for wrong in ((12, 20, 14), (1, 20, 14)):
        with pytest.raises(SavedEncoderError, match=r"looks at images of shape \(3"):
            given.build(wrong)
    with pytest.raises(ValueError, match="too small"):
        given.build((3, 3, 3))


def test_what_an_agent_cannot_see_with(tmp_path: Path, trained: Path) -> None:
    config = debug_run(tmp_path, PretrainedConfig(trained), "frame-stack")
    with pytest.raises(SavedEncoderError, match=r"looks at images of shape \(3.*\(12"):
        build_agent(config)
    with pytest.raises(
        SavedEncoderError, match=r"--agent.encoder.path FILE for an agent"
    ):
        build_agent(debug_run(tmp_path, PretrainedConfig()))
    with pytest.raises(SavedEncoderError, match=r" --encoder.path FILE"):
        PretrainedConfig().untrained()  # as `pretrain` and `reward fit` have it
    with pytest.raises(SavedEncoderError, match="no encoder at"):
        build_agent(debug_run(tmp_path, PretrainedConfig(tmp_path / "other")))


def test_from_scratch_is_the_same_shape(trained: Path) -> None:
    config = PatchConfig(9, width=3)
    assert from_scratch(PretrainedConfig(trained)) == config
    assert from_scratch(config) is config
