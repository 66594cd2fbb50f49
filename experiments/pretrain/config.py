"""Everything that decides a pretraining run."""

from dataclasses import dataclass, field
from pathlib import Path

from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.images.orders import OrderConfig, ShuffledConfig
from ssl_objectives.images.source import ImagesConfig
from ssl_objectives.learn.optimizer import AdamWConfig, OptimizerConfig
from ssl_objectives.measure.encoder_evaluation import ProbeConfig
from ssl_objectives.method import Method
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class PretrainConfig:
    """A pretraining run: which images, which method, which encoder, for how long."""

    method: Method
    """views, heads and objective around the encoder"""
    images: ImagesConfig = field(default_factory=FashionMnistConfig)
    """what is looked at"""
    encoder: EncoderConfig = field(default_factory=SmallCnnConfig)
    """what is trained"""
    optimizer: OptimizerConfig = field(default_factory=AdamWConfig)
    """what turns gradients into new weights"""
    rate_per: int = 0
    """the learning rate is for so many images in a batch, and grows with --batch-size
    in proportion (1706.02677); 0: it is what it says"""
    order: OrderConfig = field(default_factory=ShuffledConfig)
    """which images are in which batch"""
    name: str = "own"
    """what the method is called in folders and reports"""
    published: str = ""
    """which recipe of the method this began as, as --recipe says it"""
    steps: int = 300
    """budget: gradient steps"""
    batch_size: int = 192
    """images in a batch, of all processes together"""
    labels: str = "1%"
    """how many labels semi-supervised methods are shown: a share (1%, 0.01) or a
    number (500); classes equally often"""
    seed: int = 0
    """of initial weights and all draws"""
    seeds: int = 1
    """runs, one after another, with seeds counted up from `seed`"""
    device: str = "auto"
    """cpu, cuda, cuda:1 …; auto takes a GPU if there is one"""
    autocast: Precision = Precision.FLOAT32
    """what projector and predictor compute in; encoders have their own
    (--encoder.precision), and losses are always float32"""
    compile: bool = False
    """torch.compile encoder and heads: a minute once; on a CPU few gain by it"""
    runs: Path = Path("runs")
    """folder that holds all run folders"""
    log_every: int = 10
    """gradient steps between rows of metrics"""
    evaluate_every: int = 100
    """gradient steps between short k-NN probes, where there are labels; 0: never"""
    checkpoint_every: int = 100
    """gradient steps between checkpoints; a killed run loses at most these"""
    keep_checkpoints: int = 2
    """newest checkpoints kept, beside the best and a sparse history"""
    tensorboard: bool = True
    """write metrics for TensorBoard, too; metrics.jsonl is always written"""
    report: bool = True
    """probe the encoder at the end, beside a random one and raw pixels"""
    probe: ProbeConfig = field(default_factory=ProbeConfig)
    """how it is probed"""

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value < least:
                flag = name.replace("_", "-")
                raise ConfigError(f"--{flag} must be at least {least}, not {value}")


# The parts of a config look after their own numbers.
_LEAST = {
    "steps": 1,
    "batch_size": 2,
    "rate_per": 0,
    "seed": 0,
    "seeds": 1,
    "log_every": 1,
    "evaluate_every": 0,
    "checkpoint_every": 1,
    "keep_checkpoints": 1,
}
