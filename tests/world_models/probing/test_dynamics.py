"""World models as they are looked at: rows, layers, and what lies ahead."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.refusal import ConfigError, DatasetError, TrainingDiverged
from tests.world_models.probing.test_facts import ACTIONS, Adds, H, Shows, knowing
from world_models.actions import (
    ActionEmbedding,
    ContinuousEmbedding,
    DiscreteEmbedding,
)
from world_models.belief import build_belief
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.open_loop import Unmoved
from world_models.presets import rssm
from world_models.probing.dynamics import OfModel
from world_models.probing.footage import Footage
from world_models.probing.probing import Question, probe_latents
from world_models.probing.ridge import Ridge

LENGTHS = (3, 9, 1, 6, 9, 2)


def walks(lengths: tuple[int, ...] = LENGTHS, seed: int = 0) -> Footage:
    """A bright pixel that goes left or right as it is told, from somewhere inside."""
    draw = torch.Generator().manual_seed(seed)
    where, steps, episode = [], [], []
    for number, length in enumerate(lengths):
        step = 2 * torch.randint(2, (length,), generator=draw) - 1
        begin = torch.randint(length, H - length, (1,), generator=draw)
        where.append(begin + step.cumsum(0) - step[0])
        steps.append(step)
        episode += [number] * length
    x = torch.cat(where)
    obs = torch.zeros(len(x), 1, H, H, dtype=torch.uint8)
    obs[torch.arange(len(x)), 0, 3, x] = 255
    action = torch.zeros(len(x), 2)
    action[:, 0] = torch.cat(steps)
    facts = {"x": x.float()}
    return Footage(obs, torch.tensor(episode), facts, action, units={"x": "px"})


def test_all_rows_are_seen_once_in_their_order() -> None:
    data = walks()
    model = knowing()
    seen = OfModel(model).look(data, ["encoded"])["encoded"]
    assert torch.equal(seen.row, torch.arange(len(data)))
    assert seen.ahead is None
    with torch.no_grad():
        assert_close(seen.latent, model.belief.encoder(data.obs))


def test_episodes_are_as_if_each_were_alone() -> None:
    """Memories, stacked frames and predictions know nothing of other episodes."""
    data = walks()
    for core in (RecurrentConfig(5), FrameStackConfig(3)):
        subject = OfModel(knowing(core, horizon=3))
        layers = ("encoded", "believed", "predicted")
        whole = subject.look(data, layers)
        for number in range(len(LENGTHS)):
            rows = (data.episode == number).nonzero().flatten()
            assert data.action is not None
            alone = Footage(
                data.obs[rows], data.episode[rows], {}, action=data.action[rows]
            )
            single = subject.look(alone, layers[:2])
            for name in layers[:2]:
                assert_close(whole[name].latent[rows], single[name].latent)


def model_that_adds(horizon: int = 3) -> OfModel:
    model = knowing(horizon=horizon)
    model.open_loop = Adds()
    embedding = model.belief.embedding
    assert isinstance(embedding, ContinuousEmbedding)
    with torch.no_grad():
        embedding.linear.weight.copy_(torch.eye(6, 2))
        embedding.linear.bias.zero_()
    return OfModel(model)


def test_what_lies_ahead_is_of_the_rows_where_it_lands() -> None:
    """Who adds up actions rightly is right about each row."""
    data = walks()
    seen = model_that_adds().look(data, ["predicted"])["predicted"]
    assert_close(seen.latent[:, 0], data.facts["x"][seen.row], atol=0.01, rtol=0)


def test_every_row_but_the_first_is_predicted_once() -> None:
    data = walks()
    seen = model_that_adds(3).look(data, ["predicted"])["predicted"]
    assert seen.ahead is not None
    expected = []
    for number in range(len(LENGTHS)):
        rows = (data.episode == number).nonzero().flatten().tolist()
        for i, row in enumerate(rows[1:]):
            expected.append((row, i % 3 + 1))
    # predictions begin at every third row of an episode
    found = sorted(zip(seen.row.tolist(), seen.ahead.tolist(), strict=True))
    assert found == expected


def test_the_control_looks_as_far_ahead_as_what_is_probed() -> None:
    """With the weights of `fresh`, over the steps that were asked for."""
    other = knowing(horizon=2)
    subject = OfModel(knowing(horizon=2), lambda: other, horizon=5)
    control = subject.untrained()
    assert control is not None
    assert control.model is other
    seen, compared = (
        x.look(walks(), ["predicted"])["predicted"] for x in (subject, control)
    )
    assert seen.ahead is not None
    assert compared.ahead is not None
    assert int(seen.ahead.max()) == 5
    assert torch.equal(compared.ahead, seen.ahead)
    assert OfModel(other).untrained() is None


def test_errors_grow_with_the_steps_where_nothing_is_moved() -> None:
    model = knowing(horizon=4)
    model.open_loop = Unmoved()
    data = walks((10,) * 60)
    question = Question(probes=(Ridge(),), controls=False, layers=("predicted",))
    found = probe_latents(OfModel(model), data, question)
    errors = [found.score("x", "rmse", "ridge", ahead=k).value for k in range(1, 5)]
    assert errors == sorted(errors)
    # a walk of k steps is off by √k
    assert errors == pytest.approx([1.0, 2**0.5, 3**0.5, 2.0], abs=0.35)
    right = probe_latents(model_that_adds(4), data, question)
    for k in range(1, 5):
        assert right.score("x", "rmse", "ridge", ahead=k).value < 0.05


def test_layers_are_those_there_are() -> None:
    subject = OfModel(knowing(RecurrentConfig(5)))
    assert subject.usual == ("encoded", "believed", "predicted")
    assert OfModel(knowing()).usual == ("encoded", "predicted")
    inside = "encoder.body"
    assert inside in subject.layers
    data = walks()
    seen = subject.look(data, [inside, "encoded", "imagined"])
    assert torch.equal(seen[inside].row, torch.arange(len(data)))
    assert_close(seen[inside].latent, seen["encoded"].latent)
    assert seen["imagined"].latent.shape[1] == 3


def test_a_model_with_chance_can_be_looked_at() -> None:
    torch.manual_seed(0)
    belief = build_belief(Shows(), RecurrentConfig(8), (1, H, H), ACTIONS, 6)
    subject = OfModel(rssm(3).build(belief))
    seen = subject.look(walks(), ["encoded", "believed", "predicted", "imagined"])
    assert all(x.latent.isfinite().all() for x in seen.values())


def test_the_model_is_left_in_its_mode_with_its_numbers() -> None:
    model = knowing().train()
    before = {k: x.clone() for k, x in model.state_dict().items()}
    OfModel(model).look(walks(), ["encoded", "predicted"])
    assert model.training
    assert_close(dict(model.state_dict()), before)


def test_who_diverged_is_refused() -> None:
    model = knowing()

    class Nan(Encoder):
        def forward(self, image: Tensor) -> Tensor:
            return super().forward(image) * torch.nan

    model.belief.encoder.__class__ = Nan
    with pytest.raises(TrainingDiverged, match="encoded is not finite"):
        OfModel(model).look(walks(), ["encoded"])


def test_frames_that_nobody_acted_for_are_refused() -> None:
    data = replace(walks(), action=None)
    with pytest.raises(DatasetError, match="nobody acts"):
        OfModel(knowing()).look(data, ["encoded"])


def test_single_frames_are_encoded_where_one_is_enough() -> None:
    images = walks().obs
    latent = OfModel(knowing()).encode(images)
    assert latent is not None
    assert len(latent) == len(images)
    assert OfModel(knowing(FrameStackConfig(2))).encode(images) is None


@pytest.mark.parametrize("core", [RecurrentConfig(5), FrameStackConfig(3)])
def test_frames_of_another_world_are_refused_in_a_sentence(
    core: RecurrentConfig | FrameStackConfig,
) -> None:
    data = walks()
    other = replace(data, obs=data.obs[:, :, 1:].repeat(1, 3, 1, 1), about="elsewhere")
    said = (
        rf"of shape \(1, {H}, {H}\).* elsewhere are \(3, {H - 1}, {H}\).*--world NAME"
    )
    with pytest.raises(ConfigError, match=said):
        OfModel(knowing(core)).look(other, ["encoded"])


@pytest.mark.parametrize(
    ("acts", "done", "said"),
    [
        (DiscreteEmbedding(4, 2), torch.full((30,), 4), r"knows 4 actions.*number 4"),
        (DiscreteEmbedding(4, 2), torch.zeros(30, 2), "knows 4 actions.*real numbers"),
        (ContinuousEmbedding(2, 2), torch.zeros(30, 3), "of 2 real .*3 real numbers"),
        (ContinuousEmbedding(2, 2), torch.ones(30).long(), "of 2 real .*numbered"),
    ],
)
def test_actions_of_another_world_are_refused_in_a_sentence(
    acts: ActionEmbedding, done: Tensor, said: str
) -> None:
    model = knowing()
    model.belief.embedding = acts
    other = replace(walks(), action=done, about="elsewhere")
    with pytest.raises(ConfigError, match=said + ".*--world NAME"):
        OfModel(model).look(other, ["encoded"])
