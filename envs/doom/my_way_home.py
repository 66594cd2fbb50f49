"""B games of My Way Home behind the contract, each in an engine of its own."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Bool, Shaped
from numpy.typing import NDArray
from torch import Tensor

from envs.doom.episodes import Episodes
from envs.doom.facts import fact_specs, tell
from envs.doom.floor_plan import FloorPlan
from envs.doom.game import (
    ACTIONS,
    SCREEN,
    Game,
    Rules,
    no_folder_left,
    scenario,
    shrunk,
)
from envs.doom.sparsity import Sparsity, begins
from envs.doom.wad import Wad
from envs.seeds import env_seeds, fresh_seed
from envs.to_device import to_device
from envs.vector_env import (
    DiscreteActions,
    EnvSpec,
    EnvState,
    Step,
    VectorEnv,
    WorldError,
)

_MAP = "my_way_home.wad"


@final
class MyWayHome(VectorEnv):
    """B games at once: find the vest (+1), which ends an episode.

    An engine is a process of 20 MB; a thread waits for it without Python's lock. The
    final row of an episode that found the vest shows what was seen a step before, where
    ViZDoom has ended it and has no picture; cut episodes end with what is seen there.

    An engine cannot be saved. What it shows follows from the seed of the episode and
    from the actions in it, which are: `load_state_dict` plays them again, up to half a
    second for each env.

    Args:
        sparsity: where episodes begin.
        rules: how long a step and an episode last, and what tics pay.
        num_envs: B.
        device: where the returned tensors lie.
        pixels: rows and columns of a frame.
        colour: tell the screen in colour as a fact.
        overview: tell the map from above as a fact.
        num_threads: engines that run at once; 0 for as many as the variable
            CURIOUS_EMULATOR_THREADS says, else one per core.

    Attributes:
        plan: rooms and walls of the map.

    Raises:
        WorldError: ViZDoom is not installed, does not start, or ships another map.
    """

    def __init__(
        self,
        sparsity: Sparsity,
        rules: Rules,
        num_envs: int,
        device: torch.device | str = "cpu",
        *,
        pixels: int = 42,
        colour: bool = False,
        overview: bool = False,
        num_threads: int = 0,
    ) -> None:
        wad = Wad(scenario(_MAP).read_bytes())
        scripts = begins(wad.lumps["BEHAVIOR"], sparsity)
        self.plan = FloorPlan(wad.lumps["TEXTMAP"].decode("ascii"))
        self.spec = EnvSpec(
            num_envs=num_envs,
            obs_shape=(1, pixels, pixels),
            actions=DiscreteActions(len(ACTIONS), ACTIONS),
            device=torch.device(device),
            facts=fact_specs(self.plan, colour, overview),
            frames_per_step=rules.frame_skip,
        )
        self._about = f"{sparsity.value}, {pixels} pixels, {rules}"
        self._rules, self._colour, self._begun = rules, colour, False
        self._episodes = Episodes(num_envs, rules.max_episode_steps)
        self._latest: dict[str, NDArray[Any]] = {
            "obs": np.zeros((num_envs, *self.spec.obs_shape), np.uint8),
            "place": np.zeros((num_envs, 2), np.float32),
            "angle": np.zeros(num_envs, np.float32),
            "found": np.zeros(num_envs, np.int64),
        }
        if colour:
            self._latest["colour"] = np.zeros((num_envs, 3, *SCREEN), np.uint8)
        threads = num_threads or int(os.environ.get("CURIOUS_EMULATOR_THREADS", "0"))
        threads = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(min(threads, num_envs))
        self._folder = TemporaryDirectory(prefix="doom")
        self._games: dict[int, Game] = {}
        changed = Path(self._folder.name) / _MAP
        changed.write_bytes(wad.replaced({"BEHAVIOR": scripts}))
        try:
            with no_folder_left():
                self._in_all(lambda i: self._start(changed, i))
        except BaseException:
            self.close()
            raise

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        """Begin new episodes; see `VectorEnv.reset`. A seed applies to the masked."""
        num = self.spec.num_envs
        chosen = np.ones(num, np.bool_)
        if mask is not None and self._begun:
            chosen = mask.cpu().numpy().copy()
        if seed is None and not self._begun:
            seed = fresh_seed()
        if seed is not None:
            seeds = env_seeds(seed, num)
            for i in np.flatnonzero(chosen).tolist():
                self._episodes.seed(i, int(seeds[i]))
        self._begun, self._latest = True, self._copied()
        self._in_all(lambda i: self._begin(i) if chosen[i] else None)
        never = np.zeros(num, np.bool_)
        return self._row(np.zeros(num, np.float32), never, never, first=chosen)

    def step(self, action: Shaped[Tensor, "B ..."]) -> Step:
        """Act in all envs; see `VectorEnv.step`.

        Raises:
            ValueError: an action does not exist.
            WorldError: an engine ended by itself.
        """
        num, first = self.spec.num_envs, self._episodes.ended.copy()
        asked = np.where(first, 0, action.cpu().numpy())
        if asked.min() < 0 or asked.max() >= len(ACTIONS):
            raise ValueError(
                f"Actions must be 0 … {len(ACTIONS) - 1}, not "
                f"{int(asked.min())} … {int(asked.max())}"
            )
        reward, terminated = np.zeros(num, np.float32), np.zeros(num, np.bool_)
        self._latest = self._copied()

        def advance(i: int) -> None:
            if first[i]:
                self._begin(i)
            else:
                self._episodes.note(i, int(asked[i]))
                reward[i], terminated[i] = self._games[i].act(int(asked[i]))
                self._read(i, found=bool(terminated[i]))

        self._in_all(advance)
        late = self._episodes.elapsed >= self._rules.max_episode_steps
        truncated = late & ~terminated
        self._episodes.ended = terminated | truncated
        return self._row(reward, terminated, truncated, first)

    def state_dict(self) -> EnvState | None:
        """Seeds and actions of the episodes, and the latest row; None before any."""
        if not self._begun:
            return None
        return {
            "world": self._about,
            "episodes": self._episodes.state_dict(),
            "latest": {k: torch.from_numpy(v.copy()) for k, v in self._latest.items()},
        }

    def load_state_dict(self, state: EnvState) -> Step:
        """Play the episodes up to where they were; returns the row (flags unset).

        Raises:
            ValueError: the state is of another form of the world, or number of envs.
            WorldError: this ViZDoom plays them differently.
        """
        if state["world"] != self._about:
            raise ValueError(
                f"A state of '{state['world']}' does not fit '{self._about}'"
            )
        self._episodes.load_state_dict(state["episodes"])
        self._begun, self._latest = True, self._copied()
        self._in_all(self._replay)
        for name in ("obs", "place", "angle"):
            if (self._latest[name] != state["latest"][name].cpu().numpy()).any():
                raise WorldError(
                    "This ViZDoom does not show what was saved, having been told the "
                    "same: go on with the version that the run began with"
                )
        never = np.zeros(self.spec.num_envs, np.bool_)
        return self._row(never.astype(np.float32), never, never, never)

    def close(self) -> None:
        """End the engines."""
        for game in self._games.values():
            game.close()
        self._games.clear()
        self._pool.shutdown()
        self._folder.cleanup()

    def _in_all(self, do: Callable[[int], object]) -> None:
        """For each env, by threads that wait for engines."""
        list(self._pool.map(do, range(self.spec.num_envs)))

    def _start(self, wad: Path, i: int) -> None:
        folder = wad.parent / str(i)
        folder.mkdir()
        self._games[i] = Game(wad, folder, self._rules, self._colour)

    def _begin(self, i: int) -> None:
        self._games[i].begin(self._episodes.begin(i))
        self._read(i, found=False)

    def _replay(self, i: int) -> None:
        game, found = self._games[i], False
        game.begin(self._episodes.begun_with(i))
        for action in self._episodes.actions(i):
            _, found = game.act(action)
        self._read(i, found)

    def _read(self, i: int, found: bool) -> None:
        game, row = self._games[i], self._latest
        x, y, angle = game.place
        row["obs"][i, 0] = shrunk(game.grey, self.spec.obs_shape[1])
        row["place"][i], row["angle"][i], row["found"][i] = (x, y), angle, found
        if game.colour is not None:
            row["colour"][i] = game.colour

    def _copied(self) -> dict[str, NDArray[Any]]:
        """The arrays of the row before belong to whoever holds that row."""
        return {name: x.copy() for name, x in self._latest.items()}

    def _row(
        self,
        reward: NDArray[np.float32],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        first: NDArray[np.bool_],
    ) -> Step:
        device = self.spec.device
        known = {k: torch.from_numpy(v) for k, v in self._latest.items()}
        facts = tell(self.plan, known, self.spec.facts)
        return Step(
            obs=to_device(self._latest["obs"], device),
            reward=to_device(reward, device),
            terminated=to_device(terminated.copy(), device),
            truncated=to_device(truncated.copy(), device),
            first=to_device(first.copy(), device),
            facts={k: to_device(v.numpy(), device) for k, v in facts.items()},
        )
