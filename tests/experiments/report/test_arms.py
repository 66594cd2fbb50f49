from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.report.arms import Comparison, DifferenceScope, compare, differences
from experiments.report.labels import label_groups
from experiments.report.runs import Kind, LoadedRun, Value, flatten
from ssl_objectives.refusal import ConfigError

MAZE, DOOR = Kind("envs.maze:MazeConfig"), Kind("envs.door:DoorConfig")
ATARI = Kind("envs.atari.native:AtariConfig")
RND, ERROR = Kind("agents.curiosity.rnd:RndConfig"), Kind("agents.error:ErrorConfig")


def run(name: str, steps: int = 100, **settings: Value) -> LoadedRun:
    """Double underscores in names stand for dots."""
    dotted = {k.replace("__", "."): x for k, x in settings.items()}
    columns: dict[str, Any] = {"steps": np.array([steps])}
    columns["wall_time"] = np.array([1.0])
    return LoadedRun(Path(name), {"env_steps": 100, **dotted}, columns)


def grid(**more: Value) -> list[LoadedRun]:
    """Two signals in two worlds, two seeds each."""
    return [
        changed(
            run(f"{world.plain}-{kind.plain}-{seed}", world=world, curiosity=kind),
            seed=seed,
            **more,
        )
        for world in (MAZE, DOOR)
        for kind in (RND, ERROR)
        for seed in (0, 1)
    ]


def names(comparison: Comparison, arm: str, task: str) -> list[str]:
    return [x.path.name for x in comparison.runs(arm, task)]


def changed(record: LoadedRun, **settings: Value) -> LoadedRun:
    dotted = {k.replace("__", "."): x for k, x in settings.items()}
    return LoadedRun(record.path, {**record.settings, **dotted}, record.columns)


def test_a_config_is_flattened_with_its_classes() -> None:
    tree = {
        "type": "a:Train",
        "world": {"type": "b:Maze.Config", "size": 3, "wide": True},
        "model": None,
        "views": [{"type": "c:View", "low": 0.5}, 7],
    }
    leaves = dict(flatten(tree))
    assert leaves == {
        "type": "a:Train",
        "world": "b:Maze.Config",
        "world.size": 3,
        "world.wide": True,
        "model": None,
        "views[0]": "c:View",
        "views[0].low": 0.5,
        "views[1]": 7,
    }
    assert isinstance(leaves["world"], Kind)
    assert not isinstance(leaves["world.size"], Kind)
    assert [Kind(x).plain for x in ("a:RndConfig", "b:Maze.Config", "c:Config")] == [
        "Rnd",
        "Config",
        "Config",
    ]


@pytest.mark.parametrize(
    ("groups", "labels"),
    [
        ([{"curiosity": RND}, {"curiosity": ERROR}], ["Rnd", "Error"]),
        # what only one class has says nothing beside the class
        (
            [{"curiosity": RND, "curiosity.size": 3}, {"curiosity": ERROR}],
            ["Rnd", "Error"],
        ),
        # the same class twice: its settings do
        (
            [
                {"curiosity": RND, "curiosity.size": 3},
                {"curiosity": RND, "curiosity.size": 4},
                {"curiosity": ERROR, "curiosity.decay": 0.5},
            ],
            ["Rnd, size=3", "Rnd, size=4", "Error"],
        ),
        # an absent part is named where there is nothing else
        (
            [
                {"model": MAZE, "curiosity": ERROR},
                {"model": None, "curiosity": RND},
                {"model": None, "curiosity": None},
            ],
            ["Maze + Error", "Rnd", "no model, no curiosity"],
        ),
        # or where labels would be the same without it
        (
            [{"model": MAZE, "curiosity": RND}, {"model": None, "curiosity": RND}],
            ["Maze", "no model"],
        ),
        (
            [
                {"ppo.rate": 1e-4, "a.weight": 0, "b.weight": 1},
                {"ppo.rate": 1e-3, "a.weight": 1, "b.weight": 0},
            ],
            [
                "rate=0.0001, a.weight=0, b.weight=1",
                "rate=0.001, a.weight=1, b.weight=0",
            ],
        ),
        # a game says more than the class of its world
        (
            [
                {"world": ATARI, "world.game": "Pong"},
                {"world": ATARI, "world.game": "Breakout"},
                {"world": MAZE, "world.size": 3},
            ],
            ["Pong", "Breakout", "Maze"],
        ),
        (
            [{"world": Kind("mine:Maze")}, {"world": Kind("yours:Maze")}],
            ["Maze", "Maze (2)"],
        ),
        ([{}], ["all"]),
    ],
)
def test_labels_say_what_sets_apart(
    groups: list[dict[str, Value]], labels: list[str]
) -> None:
    assert label_groups(groups) == labels


def test_arms_and_tasks_are_found_by_themselves() -> None:
    runs = grid(runs="somewhere", model__horizon=8)
    found = compare(runs)
    assert (found.arms, found.tasks) == (("Rnd", "Error"), ("Maze", "Door"))
    assert found.axes == ("curiosity",)
    assert names(found, "Error", "Door") == ["Door-Error-0", "Door-Error-1"]
    assert differences(found) == []


def test_what_differs_between_worlds_alone_makes_no_arms() -> None:
    runs = [
        changed(x, num_envs=8 if x.settings["world"] == MAZE else 32) for x in grid()
    ]
    found = compare(runs)
    assert found.arms == ("Rnd", "Error")
    [difference] = differences(found)
    assert (difference.setting, difference.scope) == (
        "num_envs",
        DifferenceScope.BETWEEN_TASKS,
    )
    assert difference.values == {"Maze": ("8",), "Door": ("32",)}


def test_noise_around_a_world_is_of_the_task() -> None:
    layer = Kind("envs.noise:LayerConfig")
    runs = [
        *grid(noise=None),
        *(changed(x, noise=layer, noise__strength=s) for x in grid() for s in (1, 2)),
    ]
    comparison = compare(runs)
    assert comparison.axes == ("curiosity",)
    assert comparison.arms == ("Rnd", "Error")
    assert comparison.tasks == (
        *("Maze", "Door"),
        *("Maze + Layer, strength=1", "Maze + Layer, strength=2"),
        *("Door + Layer, strength=1", "Door + Layer, strength=2"),
    )
    assert differences(comparison) == []
    assert compare(runs, ["noise", "curiosity"]).axes == (
        *("curiosity", "noise", "noise.strength"),
    )


def test_a_sweep_is_compared_by_what_its_axes_are_called() -> None:
    """What the names stand for is no difference; what differs within one is."""
    layer: dict[str, Value] = {"noise": "a:Layer", "size": 7}
    runs = [
        changed(x, axes__noise=noise, axes__signal=str(x.settings["curiosity"]), **more)
        for noise, more in (("none", {}), ("layer", layer))
        for x in grid()[:4]
    ]
    comparison = compare(runs, ["axes.signal"], "axes.noise")
    assert comparison.arms == (str(RND), str(ERROR))
    assert comparison.tasks == ("none", "layer")
    assert differences(comparison) == []
    runs[0] = changed(runs[0], size=9)
    runs[1] = changed(runs[1], size=8)
    [found] = differences(compare(runs, ["axes.signal"], "axes.noise"))
    assert (found.setting, found.scope) == ("size", DifferenceScope.WITHIN_ARM)
    assert "axes.noise" not in compare(runs).axes  # nobody asked


def test_arms_and_tasks_are_called_as_the_sweep_calls_them() -> None:
    """Where its names tell the same apart; axes within an arm do not name it."""
    called = {RND: "mine", ERROR: "theirs"}
    runs = [
        changed(
            x,
            axes__where="door" if x.settings["world"] == DOOR else "maze",
            axes__signal=called[Kind(x.settings["curiosity"])],
            axes__same="all",
        )
        for x in grid()
    ]
    comparison = compare(runs)
    assert comparison.arms == ("mine", "theirs")
    assert comparison.tasks == ("maze", "door")
    assert names(comparison, "mine", "door") == ["Door-Rnd-0", "Door-Rnd-1"]
    assert compare(runs, ["curiosity"]).arms == ("Rnd", "Error")
    muddled = [changed(x, axes__signal="one") for x in runs]
    assert compare(muddled).arms == ("Rnd", "Error")
    assert compare([*runs, *grid(level=3)]).arms[0] != "mine"


def test_what_differs_besides_is_pointed_out() -> None:
    runs = grid(versions__torch="2.13")
    runs = [
        changed(x, rate=0.1 if x.settings["curiosity"] == RND else 0.2) for x in runs
    ]
    runs[0] = changed(runs[0], versions__torch="2.14", env_steps=50)
    found = compare(runs, by=["curiosity"])
    assert found.arms == ("Rnd", "Error")
    shown = {x.setting: (x.scope, dict(x.values)) for x in differences(found)}
    assert shown == {
        "rate": (DifferenceScope.BETWEEN_ARMS, {"Rnd": ("0.1",), "Error": ("0.2",)}),
        "versions.torch": (
            DifferenceScope.WITHIN_ARM,
            {"Rnd": ("2.13", "2.14"), "Error": ("2.13",)},
        ),
        "env_steps": (
            DifferenceScope.WITHIN_ARM,
            {"Rnd": ("100", "50"), "Error": ("100",)},
        ),
    }
    # Without --by the rate is compared as well; versions and budgets never are.
    assert compare(runs).axes == ("curiosity", "rate")
    assert len(differences(compare(runs))) == 2
    # Unless somebody asks.
    assert compare(runs, by=["versions.torch"]).arms == ("torch=2.14", "torch=2.13")


def test_a_setting_that_older_runs_lack_is_pointed_out() -> None:
    runs = grid(curiosity__new=3)
    older = {k: x for k, x in runs[0].settings.items() if k != "curiosity.new"}
    runs[0] = LoadedRun(runs[0].path, older, runs[0].columns)
    [difference] = differences(compare(runs))
    assert difference.setting == "curiosity.new"
    assert difference.values["Rnd"] == ("3", "not there")


def test_parts_of_what_is_compared_are_no_differences() -> None:
    runs = [
        changed(
            x,
            **{
                "curiosity__size"
                if x.settings["curiosity"] == RND
                else "curiosity__k": 3
            },
        )
        for x in grid()
    ]
    assert differences(compare(runs)) == []
    assert compare(runs).arms == ("Rnd", "Error")


def test_a_seed_counts_once() -> None:
    runs = grid()
    again = LoadedRun(Path("again"), runs[0].settings, runs[0].columns)
    short = LoadedRun(Path("short"), runs[2].settings, run("", 40).columns)
    found = compare([*runs, again, short])
    assert [x.run.path.name for x in found.duplicates] == [runs[0].path.name, "short"]
    assert names(found, "Rnd", "Maze") == ["Maze-Rnd-1", "again"]
    # With other settings it is no repetition, whatever the arms are.
    assert compare(runs, by=["seed"]).duplicates == ()
    assert compare([*runs, changed(runs[0], rate=5)], by=["curiosity"]).duplicates == ()


def test_one_arm_one_task_and_no_world() -> None:
    found = compare([run("a", seed=0), run("b", seed=1)])
    assert (found.arms, found.tasks, found.axes) == (("all",), ("all",), ())
    only = compare(grid()[:2], by=["curiosity"])
    assert (only.arms, only.tasks) == (("Rnd",), ("Maze",))
    worlds = compare(grid(), by=["world"], task=None)
    assert (worlds.arms, worlds.tasks) == (("Maze", "Door"), ("all",))


@pytest.mark.parametrize(
    ("by", "task", "message"),
    [
        (["curiosty"], "world", "--by curiosty.*Did you mean 'curiosity'"),
        (["horizon"], "world", "--by horizon.*'model.horizon'"),
        (["xyz"], "world", "no run has such a setting.*Known: "),
        ([], "wrld", "--task wrld.*Did you mean 'world'"),
    ],
)
def test_settings_that_are_not_there_are_refused(
    by: list[str], task: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        compare(grid(model__horizon=8), by, task)
