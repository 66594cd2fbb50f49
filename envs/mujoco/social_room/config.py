"""The social room as a config."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from envs.behaviours.groups import Animate, Company, Kind, animate, company
from envs.mujoco.renderers.backend import Backend
from envs.native_env import NativeVectorEnv
from envs.vector_env import VectorEnv


@dataclass(frozen=True)
class SocialRoomConfig:
    """A gaze amid others in a room of three dimensions: who is looked at?"""

    animate: Animate = Animate.REACHING
    """What group 0 does; nobody: one noise more, so that nothing is animate."""
    stochastic: bool = False
    """Group 0 leaves something to chance; else (mimicry's actor apart) nothing."""
    company: Company = Company.MIXTURE
    """All other groups: static, periodic and noise in turn; or noise."""
    others: int = 3
    """Groups beside group 0, 3 to 7; each stands in a sector of its own."""
    escape_jitter: float = 0.0
    """Chasing: chance in where the runner escapes to."""
    pixels: int = 64
    """Rows and columns of a frame; 0 draws nothing, a frame is then one black pixel."""
    coordinates: bool = False
    """The vector tells the places of objects in view beside the heading."""
    walks: bool = False
    """Two more actions: the agent walks ahead and back, between the boxes."""
    varied: bool = False
    """Each world has colours, a lamp and an eye of its own."""
    poses: bool = False
    """Facts: where all objects are in metres, where they look, and where the eye is."""
    depth: bool = False
    """A fact: metres along the optical axis of every pixel."""
    segmentation: bool = False
    """A fact: the geom that every pixel shows."""
    overview: bool = False
    """A fact: the room from above, for people."""
    renderer: Backend = Backend.AUTO
    """What draws: see docs/renderers.md."""
    max_episode_steps: int = 1_000
    """Steps until an episode is cut; the world goes on where it was."""

    def with_facts(self) -> "SocialRoomConfig":
        """The same with `poses`."""
        return replace(self, poses=True)

    def with_overview(self) -> "SocialRoomConfig":
        """See `OverlookedWorld`."""
        return replace(self, overview=True)

    @property
    def parts(self) -> tuple[str, ...]:
        """The groups by name, as `in_view` counts them."""
        return tuple(x for kind in self._kinds("cpu") for x in kind.names)

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B rooms.

        Raises:
            ValueError: a number is out of its range.
        """
        # MuJoCo is loaded for who builds a room, not for who asks for its flags.
        from envs.mujoco.social_room.room import SocialRoom

        stage = SocialRoom(
            self._kinds(device),
            self.coordinates,
            self.varied,
            self.poses,
            self.walks,
            self.max_episode_steps,
            device,
        )
        return self._env(stage, num_envs, device)

    def watching(self, env: VectorEnv, seed: int) -> NativeVectorEnv:
        """See `WatchedWorld.watching` and `Watching`.

        Raises:
            ValueError: `env` is no social room.
            RuntimeError: it was never reset.
        """
        from envs.mujoco.social_room.room import SocialRoom, SocialState
        from envs.mujoco.social_room.watching import Watching
        from envs.mujoco.world import MujocoWorld

        if not (
            isinstance(env, NativeVectorEnv)
            and isinstance(env.world, MujocoWorld)
            and isinstance(env.world.stage, SocialRoom)
        ):
            raise ValueError(f"{type(env).__name__} is no social room")
        room, device = env.world.stage, env.spec.device
        now = SocialState(**env.state_dict()["state"]["own"])
        num = room.groups.num * env.spec.num_envs
        watched = self._env(Watching(room, now), num, device)
        watched.reset(seed=seed)
        return watched

    def _env(
        self, stage: Any, num_envs: int, device: torch.device | str
    ) -> NativeVectorEnv:
        # MuJoCo is loaded for who builds a room, not for who asks for its flags.
        from envs.mujoco.drawn import Drawn

        drawn = Drawn(
            self.pixels,
            self.depth,
            self.segmentation,
            self.overview,
            backend=self.renderer,
        )
        return NativeVectorEnv(drawn.world(stage, device), num_envs, device)

    def _kinds(self, device: torch.device | str) -> tuple[Kind, ...]:
        if not 3 <= self.others <= 7:  # before as many as were asked for are made
            raise ValueError(f"others must be 3 to 7, not {self.others}")
        group_0 = animate(
            self.animate, self.stochastic, self.escape_jitter, device, aside=True
        )
        return group_0, *company(self.company, self.others)
