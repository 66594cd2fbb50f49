from dataclasses import replace
from pathlib import Path

import pytest

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.progress.config import GammaProgressConfig
from agents.curiosity.progress.object_features import (
    ChangeOfObjectsConfig,
    ObjectsThemselvesConfig,
)
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.ppo.build import PpoAgentConfig
from experiments.sweep.cell import expand
from experiments.sweep.grid import grid_file, our_grids, read_grid
from experiments.train.command import COMMAND
from ssl_objectives.methods.contrast.info_nce import InfoNceConfig
from ssl_objectives.refusal import ConfigError
from world_models.model_config import LatentDynamicsConfig
from world_models.model_loss import PREDICTION
from world_models.objects.latents import ObjectLatentsConfig
from world_models.presets import byol_explore, grouped, jepa_objects, jepa_vicreg
from world_models.terms.distance import DistanceConfig

GRID = """
arguments = "byol-explore --size debug --env-steps 240"
seeds = [3, 1]

[axes.world]
door = "--world key-door"
count = ["--world", "counting", "--num-envs", 5]

[axes.signal]
byol = ""
rnd = "rnd --curiosity.size 40"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "grid.toml"
    file.write_text(text)
    return file


def test_cells_are_all_combinations_one_seed_after_another(tmp_path: Path) -> None:
    cells = expand(read_grid(write(tmp_path, GRID)))
    assert [x.name for x in cells] == [
        *("door+byol+s3", "door+rnd+s3", "count+byol+s3", "count+rnd+s3"),
        *("door+byol+s1", "door+rnd+s1", "count+byol+s1", "count+rnd+s1"),
    ]
    assert cells[1].values == {"world": "door", "signal": "rnd"}
    assert {x.budget for x in cells} == {240}
    assert [x.rollout for x in cells[:4]] == [4 * 20, 4 * 20, 5 * 20, 5 * 20]


def test_the_last_leading_word_decides_and_later_flags_follow(tmp_path: Path) -> None:
    cells = {x.name: x for x in expand(read_grid(write(tmp_path, GRID)))}
    assert cells["count+rnd+s1"].arguments == (
        *("rnd", "--size", "debug", "--env-steps", "240"),
        *("--world", "counting", "--num-envs", "5"),
        *("--curiosity.size", "40", "--seed", "1"),
    )
    assert cells["door+byol+s3"].arguments[0] == "byol-explore"


def test_cells_begin_with_what_another_sweep_trained_with_their_seed(
    tmp_path: Path,
) -> None:
    flags = "--encoder pretrained --agent.encoder.path 'eyes/x+s{seed}'"
    cells = expand(
        read_grid(
            write(tmp_path, f'arguments = "ppo --size debug {flags}"\nseeds = [4, 7]')
        )
    )
    for cell in cells:
        assert cell.arguments[-3:] == (
            *(f"eyes/x+s{cell.seed}", "--seed", str(cell.seed)),
        )
    assert [x.seed for x in cells] == [4, 7]


def test_a_count_of_seeds_begins_at_zero_and_no_axes_are_fine(tmp_path: Path) -> None:
    grid = read_grid(write(tmp_path, 'arguments = "--size debug"\nseeds = 3'))
    assert [x.name for x in expand(grid)] == ["s0", "s1", "s2"]


@pytest.mark.parametrize(
    ("exclusion", "left"),
    [
        ('world = "door"', {"count+byol", "count+rnd"}),
        ('world = "door"\nsignal = "rnd"', {"door+byol", "count+byol", "count+rnd"}),
        ('world = ["door", "count"]\nsignal = "byol"', {"door+rnd", "count+rnd"}),
    ],
)
def test_excluded_combinations_are_left_out(
    tmp_path: Path, exclusion: str, left: set[str]
) -> None:
    grid = read_grid(write(tmp_path, f"{GRID}\n[[exclude]]\n{exclusion}"))
    assert {x.name for x in grid.combinations()} == left


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("seeds =", "sedes =", "there is no key 'sedes'. Did you mean 'seeds'?"),
        ("[3, 1]", "[3, 3]", "seeds: [3, 3] is neither how many"),
        ("[3, 1]", "0", "seeds: 0 is neither how many"),
        ("[3, 1]", "[-1]", "seeds: [-1] is neither"),
        ('door = "', 'door = 3 # "', "axes.world.door: 3 is neither a command line"),
        ("door =", '"../door" =', "'../door' becomes part of a folder's name"),
        ("--world key-door", "--world 'key-door", "No closing quotation"),
        ("[axes.world]", "[axes.world", "is not a TOML file"),
        ("[axes.signal]", "[[exclude]]\nworlt='x'\n[axes.signal]", "Did you mean 'wo"),
        ("[axes.signal]", "[[exclude]]\nworld='dor'\n[axes.signal]", "mean 'door'?"),
        ("[axes.signal]", "[[exclude]]\n[axes.signal]", "excludes everything"),
    ],
)
def test_a_grid_that_means_nothing_is_refused(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    assert before in GRID
    file = write(tmp_path, GRID.replace(before, after, 1))
    with pytest.raises(ConfigError) as error:
        read_grid(file)
    assert says in str(error.value)
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    ("before", "after", "cell", "says"),
    [
        ("key-door", "key-dor", "door+byol", "Did you mean 'key-door'?"),
        ("--curiosity.size", "--curiosity.siez", "door+rnd", "--curiosity.siez"),
        (
            '"--num-envs", 5',
            '"--seeds=5"',
            "count+byol",
            "--seeds is for the sweep to say",
        ),
        ("--env-steps 240", "--runs=x", "door+byol", "--runs is for the sweep to say"),
        ("--env-steps 240", "--help", "door+byol", "--help runs nothing"),
    ],
)
def test_a_cell_that_the_command_refuses_is_named(
    tmp_path: Path, before: str, after: str, cell: str, says: str
) -> None:
    assert before in GRID
    text = GRID.replace(before, after, 1)
    with pytest.raises(ConfigError) as error:
        expand(read_grid(write(tmp_path, text)))
    assert str(error.value).startswith(f"Cell {cell}: ")
    assert says in str(error.value)


def test_other_commands_and_empty_grids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'evaluate' cannot be swept"):
        expand(read_grid(write(tmp_path, 'command = "evaluate"')))
    everything = f"{GRID}\n[[exclude]]\nworld = ['door', 'count']"
    with pytest.raises(ConfigError, match="excludes all of its cells"):
        read_grid(write(tmp_path, everything)).combinations()
    with pytest.raises(ConfigError, match="no grid at"):
        read_grid(tmp_path / "missing.toml")


EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@pytest.mark.parametrize(
    ("name", "num_cells"),
    [("grid", 2 * 2 * 3), ("maze_models", 3 * 5), ("adainf_grid", 3 * 2)],
)
def test_the_examples_in_the_docs_are_grids(name: str, num_cells: int) -> None:
    cells = expand(read_grid(EXAMPLES / f"{name}.toml"))
    assert len({x.name for x in cells}) == num_cells


def test_latents_are_compared_by_three_yardsticks_and_nothing_else() -> None:
    cells = expand(read_grid(grid_file(Path("attention-latents"))))
    configs = [COMMAND.read(x.arguments) for x in cells]
    signals = [x.curiosity for x in configs]
    found = []
    for signal in signals:
        assert isinstance(signal, GammaProgressConfig)
        assert signal.model is not None
        assert signal.model.model == jepa_objects()
        assert signal.model.encoder == ObjectLatentsConfig()
        found.append(type(signal.yardstick))
    assert found[:3] == [ChangeOfObjectsConfig, ObjectsThemselvesConfig, OwnLossConfig]
    assert found == 5 * found[:3]
    [same] = {replace(x, seed=0, curiosity=None) for x in configs}
    assert same.model == grouped()


def test_the_models_in_the_maze_differ_in_the_model_what_is_paid_and_the_seed() -> None:
    cells = expand(read_grid(EXAMPLES / "maze_models.toml"))
    configs = {x.name: COMMAND.read(x.arguments) for x in cells}
    assert {x.seed for x in configs.values()} == {10, 11, 12, 13, 14}
    models = {name.partition("+")[0]: x.model for name, x in configs.items()}
    assert models["byol-explore"] == byol_explore()
    assert models["jepa-vicreg"] == jepa_vicreg()
    assert isinstance(models["contrastive"], LatentDynamicsConfig)
    assert models["contrastive"].objective == InfoNceConfig()
    assert list(models["contrastive"].terms) == [DistanceConfig()]
    curious = {name.partition("+")[0]: x.curiosity for name, x in configs.items()}
    paid = {
        k: x.term for k, x in curious.items() if isinstance(x, PredictionErrorConfig)
    }
    assert paid.pop("contrastive") == "distance"
    assert list(paid.values()) == [PREDICTION, PREDICTION]
    [same] = {
        replace(x, model=None, seed=0, curiosity=PredictionErrorConfig())
        for x in configs.values()
    }
    assert same.agent.extrinsic.weight == 0
    assert not same.also
    # the last evaluation is of the agent that has had all of its steps
    assert (same.env_steps, same.env_steps % same.evaluate_every) == (150_000, 0)
    assert isinstance(same.agent, PpoAgentConfig)
    ppo = same.agent.ppo
    rollouts = same.env_steps // (same.num_envs * ppo.num_steps)
    assert rollouts * ppo.num_epochs * ppo.num_minibatches >= 1_000


def test_published_grids_go_by_their_names() -> None:
    cells_of = {
        "attention": 2 * 2 * 8,
        "attention-beyond": 2 * 4,
        "attention-bump": 1,
        "attention-latents": 3,
        "attention-pixels": 3,
        "attention-ppo": 3,
        "carry": 2,
        "eyes": 15,
        "eyes-images": 6,
        "eyes-krull": 4,
        "eyes-krull-images": 2,
        "eyes-models": 4,
        "key-door-progress": 2,
        "learned-rewards": 11,
        "my-way-home": 4,
        "noise-matrix": 5 * 19 + 2,
        "noise-pixels": 3 * 2,
        "rooms": 2 * 5,
        "rooms-models": 4,
        "social-room": 8,
        "sparse": 2 * 19 + 7,
        "two-rooms": 5,
    }
    seeds = {
        **dict.fromkeys(
            ("eyes", "eyes-images", "eyes-models", "eyes-krull", "eyes-krull-images"),
            range(60, 63),
        ),
        "carry": range(50, 53),
        "learned-rewards": range(60, 63),
        "my-way-home": range(50, 53),
        "noise-matrix": range(20, 25),
        "noise-pixels": range(20, 23),
        "rooms": range(50, 53),
        "rooms-models": range(50, 52),
        "social-room": range(40, 43),
        "sparse": range(30, 35),
        "two-rooms": range(30, 33),
    }
    assert our_grids() == list(cells_of)
    for name, num in cells_of.items():
        grid = read_grid(grid_file(Path(name)))
        assert grid.seeds == tuple(seeds.get(name, range(200, 205)))
        assert len(expand(grid)) == num * len(grid.seeds)
    assert grid_file(Path("elsewhere")) == Path("elsewhere")
    with pytest.raises(
        ConfigError, match="or the name of one of ours: attention, attention-beyond"
    ):
        read_grid(grid_file(Path("elsewhere")))


def test_a_file_of_that_name_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("attention").write_text('command = "train"\n')
    assert grid_file(Path("attention")) == Path("attention")
