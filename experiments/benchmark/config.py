"""What `curious benchmark` is asked for."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ssl_objectives.encoders.precision import Precision


class ArmName(Enum):
    """What `--arms` takes."""

    WORLD = "world"
    SB3 = "sb3"
    PPO = "ppo"
    PPO_RND = "ppo-rnd"
    RND = "rnd"
    BYOL_EXPLORE = "byol-explore"
    GAMMA_PROGRESS = "gamma-progress"
    DELTA_PROGRESS = "delta-progress"


class Sb3Envs(Enum):
    """How Stable-Baselines3 runs its envs."""

    FASTER = "faster"
    DUMMY = "dummy"
    SUBPROC = "subproc"


class Suite(Enum):
    """What is measured."""

    ATARI = "atari"
    MAZE = "maze"
    PARTS = "parts"
    DATA = "data"
    METHODS = "methods"
    MODELS = "models"
    PLANNING = "planning"
    RENDERERS = "renderers"

    @property
    def arms(self) -> tuple[ArmName, ...]:
        """What the suite can measure by name."""
        if self not in (Suite.ATARI, Suite.MAZE):
            return ()
        return tuple(x for x in ArmName if x is not ArmName.SB3 or self is Suite.ATARI)


class Shape(Enum):
    """Frames and batches that world models are timed on."""

    SMALL = "28x28"
    MIDDLE = "64x64"
    RESIDUAL = "64x64-impala"
    GPU = "64x64-gpu"


class Network(Enum):
    """Encoders by name."""

    NATURE = "nature"
    PATCHES = "patches"
    IMPALA = "impala"


@dataclass(frozen=True)
class BenchmarkConfig:
    """Measure training speed: every arm once in every round, medians over rounds.

    The Atari suite compares, in the same game with equal settings: `world` (the
    emulator with random actions: the limit here), `sb3` (Stable-Baselines3's PPO), and
    our agents `ppo`, `ppo-rnd` (both with 4 stacked frames, as `sb3`), `rnd`,
    `byol-explore`, `gamma-progress` and `delta-progress` (recurrent). The maze suite
    has all but `sb3`. The suite of parts runs encoders on one minibatch of images,
    without any world. The suite of data reads random windows of a data set that is
    larger than the memory it may take. The suite of methods times a training step of
    every method of `curious pretrain`, beside the encoder alone and in units of
    SimCLR's. The suite of models times a step of world models, beside its floor (the
    least time that its operations and bytes would take this machine) and beside
    torch-world's where that is installed. The suite of planning plans for many envs in
    one batch, and for one after another. The suite of renderers draws MuJoCo scenes
    with each renderer that there is.
    """

    suite: Suite = Suite.ATARI
    """atari, maze (Pixel Maze, rendered on the device), parts (encoders alone), data,
    methods (of curious pretrain), models (of curious train-model), planning,
    renderers (of MuJoCo scenes)"""
    arms: tuple[ArmName, ...] = ()
    """some of the arms; none means all that the suite has"""
    game: str = "MontezumaRevenge"
    """Atari game, for example Breakout"""
    rounds: int = 5
    """times that every arm is measured"""
    updates: int = 1
    """rollouts, each with its learning, in one measurement"""
    warm_up: int | None = None
    """updates of each arm that do not count (none: 1, or 2 with --compile)"""
    num_envs: int | None = None
    """worlds (none: 32; in the maze 64, on a GPU 4096; planned for 64, on a GPU 512;
    drawn 64, on a GPU 1024)"""
    num_steps: int | None = None
    """steps of each world in a rollout (none: 128; in the maze 32)"""
    epochs: int | None = None
    """passes over each rollout (none: 4; in the maze 2)"""
    minibatches: int | None = None
    """minibatches in a pass (none: 4; in the maze 8)"""
    network: Network = Network.NATURE
    """encoder of our agents; sb3 compares with nature only"""
    precision: Precision = Precision.AUTO
    """of our encoders; auto is bf16 where the hardware multiplies it fast"""
    sb3_envs: Sb3Envs = Sb3Envs.FASTER
    """one process or many; faster tries both first"""
    compile: bool = False
    """torch.compile our encoders"""
    methods: tuple[str, ...] = ()
    """some of the methods, for the suite of methods; none means all"""
    models: tuple[str, ...] = ()
    """some of the presets of curious train-model, for the suite of models; none means
    byol-explore jepa-vicreg jepa-sigreg contrastive reconstruction"""
    shapes: tuple[Shape, ...] = ()
    """batches of the suite of models; none means 28x28 64x64, and all on a GPU"""
    batch_size: int = 192
    """images in a step of the suite of methods"""
    data_gib: float = 6.0
    """size of the data set that the suite of data writes, reads and deletes"""
    memory_gib: float = 4.0
    """memory that reading it may take; less than --data-gib"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""
    threads: int = 0
    """of torch and of the emulator, each; 0 leaves it to them"""
    seed: int = 0
    """of weights, worlds and draws"""
    out: Path | None = None
    """JSON file for the results (none: runs/benchmark-DATE.json)"""
