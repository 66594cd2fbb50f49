"""Times the tracker maze on one core: `python docs/tracker_maze_speed.py`."""

from time import process_time

import torch

from envs.tiles.trackers.config import TrackerMazeConfig


def steps_per_second(config: TrackerMazeConfig, num_envs: int, steps: int) -> float:
    """Of all envs together, by the processor's time."""
    env = config.build(num_envs, "cpu")
    env.reset(seed=0)
    chance = torch.Generator().manual_seed(0)
    plan = torch.randint(5, (steps + 5, num_envs), generator=chance)
    for action in plan[:5]:
        env.step(action)
    begun = process_time()
    for action in plan[5:]:
        env.step(action)
    return num_envs * steps / (process_time() - begun)


def main() -> None:
    """A table."""
    torch.set_num_threads(1)
    print("| | 128 envs | 4,096 envs |\n|---|---|---|")
    for pixels in (0, 40):
        for movers in (0, 8):
            config = TrackerMazeConfig(movers=movers, pixels=pixels)
            few = steps_per_second(config, 128, 500)
            many = steps_per_second(config, 4_096, 50)
            name = f"{pixels or 'no'} pixels, {movers or 'no'} movers"
            print(f"| {name} | {few:,.0f} | {many:,.0f} |")


if __name__ == "__main__":
    main()
