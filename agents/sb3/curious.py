"""Curiosity around vector envs of Stable-Baselines3, below any of its algorithms."""

from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from agents.beside.config import CompanionConfig
from agents.beside.shown import Moved, Shown
from agents.beside.stepwise import Stepwise
from agents.curiosity.signal import CuriosityConfig
from agents.curiosity.signals import check_weight
from agents.metrics import Metrics
from agents.sb3.senses import Senses
from ssl_objectives.refusal import ConfigError

_FORMAT = 1


@final
class CuriousVecEnv(VecEnvWrapper):
    """Pays any signal of ours beside the reward of SB3's envs.

    `reward = extrinsic · r + intrinsic · bonus`, at every step: so PPO, A2C, DQN and
    whatever else steps a `VecEnv` (sb3-contrib's too) are curious without a change. The
    bonus is 0 in the first `num_steps` steps per env (`Stepwise`). SB3 ends the return
    of the sum with an episode; a return of the bonus alone that goes on needs an agent
    with a value for each, such as ours.

    What an episode's last action led to is `infos[i]["terminal_observation"]`: that is
    what is paid for, not the first observation of the next episode beside it.

    Put a `VecMonitor` below it to log the env's own score, and stacks of frames above
    it: signals see single frames.

    Args:
        venv: the envs.
        curiosity: a signal, or a whole `CompanionConfig` with world model and settings.
        extrinsic: weight of the env's own reward; 0 drops it.
        intrinsic: weight of the bonus.
        seed: of networks and draws.
        device: where they lie.
        updates: gradient steps of the run, for signals that pace themselves by it.

    Attributes:
        bonus, score: of the latest step, `[B]` each: what was paid, before weights.

    Raises:
        ConfigError: envs whose observations or actions are of no kind that we know,
            weights that are no numbers, or something that is no signal.
        ValueError: parts that do not fit together.
    """

    def __init__(
        self,
        venv: VecEnv,
        curiosity: CuriosityConfig | CompanionConfig,
        extrinsic: float = 1.0,
        intrinsic: float = 1.0,
        seed: int = 0,
        device: torch.device | str = "cpu",
        updates: int | None = None,
    ) -> None:
        check_envs(venv)
        check_weight("extrinsic", extrinsic)
        check_weight("intrinsic", intrinsic)
        super().__init__(venv)
        config = curiosity
        if not isinstance(config, CompanionConfig):
            config = CompanionConfig(config)
        self.extrinsic, self.intrinsic = extrinsic, intrinsic
        self.senses = Senses(venv, device)
        companion = config.build(self.senses.spec, seed, updates, extrinsic)
        self.stepwise = Stepwise(companion, config.num_steps)
        self.bonus = self.score = np.zeros(venv.num_envs, np.float32)
        self._asked: NDArray[Any] = np.zeros(0)

    @property
    def metrics(self) -> Metrics:
        """What was told of the latest `num_steps` steps."""
        return self.stepwise.metrics

    def reset(self) -> Any:
        """Begin new episodes in all envs; nothing that was learned is forgotten."""
        seen = self.venv.reset()
        self.stepwise.begin(self.senses.see(seen))
        return seen

    def step_async(self, actions: NDArray[Any]) -> None:
        """Tell the envs what to do."""
        self._asked = np.array(actions)
        self.venv.step_async(actions)

    def step_wait(self) -> tuple[Any, NDArray[Any], NDArray[Any], list[dict[str, Any]]]:
        """What they did, with the sum of both rewards."""
        seen, score, dones, infos = self.venv.step_wait()
        device = self.senses.spec.device
        cut = np.array([x.get("TimeLimit.truncated", False) for x in infos]) & dones
        now = self.senses.see(seen)
        moved = Moved(
            self.senses.heard(self._asked),
            torch.from_numpy(np.array(score, np.float32)).to(device),
            torch.from_numpy(dones & ~cut).to(device),
            torch.from_numpy(cut).to(device),
            self._arrived(now, seen, dones, infos),
            now,
        )
        self.bonus = self.stepwise.step(moved).cpu().numpy()
        self.score = np.array(score, np.float32)
        reward = np.zeros_like(self.score)
        if self.extrinsic:  # 0 times what is not finite would not be 0
            reward += self.extrinsic * self.score
        reward += self.intrinsic * self.bonus
        return seen, reward, dones, infos

    def _arrived(
        self, now: Shown, seen: Any, dones: NDArray[Any], infos: list[dict[str, Any]]
    ) -> Shown:
        """What the actions led to: at an end the last observation, not the next."""
        ended = np.flatnonzero(dones)
        if not len(ended):
            return now
        if not all("terminal_observation" in infos[i] for i in ended):
            raise ConfigError(
                "These envs do not tell an episode's last observation in "
                "infos[i]['terminal_observation'], as SB3's own vector envs do: "
                "curiosity would be paid for the next episode's first"
            )
        last = [infos[i]["terminal_observation"] for i in ended]
        if isinstance(seen, dict):
            seen = {name: np.array(x) for name, x in seen.items()}
            for name, x in seen.items():
                x[ended] = np.stack([each[name] for each in last])
        else:
            seen = np.array(seen)
            seen[ended] = np.stack(last)
        return self.senses.see(seen)

    def save(self, path: str | Path) -> None:
        """All that curiosity has learned, in one file, which holds no code."""
        torch.save({"format": _FORMAT, "state": self.stepwise.state_dict()}, path)

    def load(self, path: str | Path) -> None:
        """Go on with what was saved by envs and a config like these; then `reset()`.

        SB3's `learn` resets the envs itself.

        Raises:
            ConfigError: it is no such file, or one of other envs or another config.
        """
        device = self.senses.spec.device
        try:
            saved = torch.load(path, map_location=device, weights_only=True)
            if saved["format"] != _FORMAT:
                raise ValueError(f"it has format {saved['format']}, not {_FORMAT}")
            self.stepwise.load_state_dict(saved["state"])
        except FileNotFoundError:
            raise ConfigError(f"There is no file {path}: save() writes one") from None
        except Exception as error:
            told = " ".join(" ".join(str(error).splitlines()[:3]).split())
            raise ConfigError(
                f"{path} was not saved by a CuriousVecEnv like this one: build it with "
                "the config (the signal with its numbers, num_steps) and as many envs "
                f"as the saved one. What does not fit: {told}"
            ) from error


def check_envs(venv: Any) -> None:
    """Pass if these are vector envs of SB3.

    Raises:
        ConfigError: they are not.
    """
    if not isinstance(venv, VecEnv):
        raise ConfigError(
            f"{type(venv).__name__} is no vector env of SB3. Make one: "
            "make_vec_env(id), DummyVecEnv([…]), or WorldVecEnv of a world of ours."
        )
