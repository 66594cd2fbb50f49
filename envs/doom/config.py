"""My Way Home as a config."""

from dataclasses import dataclass, replace

import torch

from envs.doom.game import Rules
from envs.doom.my_way_home import MyWayHome
from envs.doom.sparsity import Sparsity


@dataclass(frozen=True)
class MyWayHomeConfig:
    """My Way Home of ViZDoom: rooms in first person, and a vest far away (an extra)."""

    sparsity: Sparsity = Sparsity.SPARSE
    """Where episodes begin: anywhere, far away, or farther (arXiv 1705.05363)."""
    pixels: int = 42
    """Rows and columns of a frame, which is grey."""
    frame_skip: int = 4
    """Tics that an action lasts; there are 35 in a second."""
    max_episode_steps: int = 525
    """Steps until an episode is cut."""
    living_reward: float = 0.0
    """Paid for every tic beside the vest's 1; ViZDoom's own config says -0.0001."""
    colour: bool = False
    """A fact more: the engine's screen, in colour."""
    overview: bool = False
    """A fact more: the map from above, and where the player is."""
    num_threads: int = 0
    """Engines that run at once; 0 for as many as CURIOUS_EMULATOR_THREADS says, else
    one per core."""

    def __post_init__(self) -> None:
        for name in ("pixels", "frame_skip", "max_episode_steps"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1, not {getattr(self, name)}"
                )
        if self.num_threads < 0:
            raise ValueError(
                f"num_threads must not be negative, it is {self.num_threads}"
            )

    def with_facts(self) -> "MyWayHomeConfig":
        """The same world with its screen in colour."""
        return replace(self, colour=True)

    def with_overview(self) -> "MyWayHomeConfig":
        """See `OverlookedWorld`."""
        return replace(self, overview=True)

    def build(self, num_envs: int, device: torch.device | str) -> MyWayHome:
        """Start B engines.

        Raises:
            WorldError: ViZDoom is not installed, does not start, or ships another map.
        """
        return MyWayHome(
            self.sparsity,
            Rules(self.frame_skip, self.max_episode_steps, self.living_reward),
            num_envs,
            device,
            pixels=self.pixels,
            colour=self.colour,
            overview=self.overview,
            num_threads=self.num_threads,
        )
