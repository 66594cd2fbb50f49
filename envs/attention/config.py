"""The attention world as a config."""

from dataclasses import dataclass

import torch

from envs.attention.watching import Watching
from envs.attention.world import AttentionState, AttentionWorld
from envs.behaviours.groups import GROUPS, Animate, Company, Kind, animate, company
from envs.native_env import NativeVectorEnv
from envs.overview import FromAboveConfig
from envs.vector_env import VectorEnv


@dataclass(frozen=True)
class AttentionConfig:
    """Something animate among things that are dull or random: what is looked at?"""

    animate: Animate = Animate.REACHING
    """What group 0 does; nobody: one noise more, so that nothing is animate."""
    stochastic: bool = False
    """Group 0 leaves something to chance; else (mimicry's actor apart) nothing."""
    company: Company = Company.MIXTURE
    """Groups 1 to 3: static, periodic and noise; or three times noise."""
    escape_jitter: float = 0.0
    """Chasing: chance in where the runner escapes to, 0.3 in our trial."""
    pixels: int = 36
    """Rows and columns of a frame; 0 draws nothing, a frame is then one black pixel."""
    coordinates: bool = True
    """The vector tells the places of objects in view beside the heading."""
    max_episode_steps: int = 1_000
    """Steps until an episode is cut; the world goes on where it was."""

    def with_overview(self) -> FromAboveConfig:
        """See `OverlookedWorld`."""
        return FromAboveConfig(self)

    @property
    def parts(self) -> tuple[str, ...]:
        """The groups by name, as `in_view` counts them."""
        return tuple(x for kind in self._kinds("cpu") for x in kind.names)

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B worlds.

        Raises:
            ValueError: a number is out of its range.
        """
        world = AttentionWorld(
            self._kinds(device),
            self.pixels,
            self.coordinates,
            self.max_episode_steps,
            device,
        )
        return NativeVectorEnv(world, num_envs, device)

    def watching(self, env: VectorEnv, seed: int) -> NativeVectorEnv:
        """See `WatchedWorld.watching` and `Watching`.

        Raises:
            ValueError: `env` is no attention world.
            RuntimeError: it was never reset.
        """
        if not isinstance(env, NativeVectorEnv) or not isinstance(
            env.world, AttentionWorld
        ):
            raise ValueError(f"{type(env).__name__} is no attention world")
        now = env.state_dict()["state"]
        world = Watching(env.world, AttentionState(**now))
        watched = NativeVectorEnv(world, GROUPS * env.spec.num_envs, env.spec.device)
        watched.reset(seed=seed)
        return watched

    def _kinds(self, device: torch.device | str) -> tuple[Kind, ...]:
        group_0 = animate(self.animate, self.stochastic, self.escape_jitter, device)
        return group_0, *company(self.company)
