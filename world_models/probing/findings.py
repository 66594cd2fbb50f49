"""What probing found: readings with intervals, and diagnostics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jaxtyping import Float32
from torch import Tensor

from world_models.probing.tallies import Score

PROBED, RANDOM, PIXELS = "probed", "random weights", "pixels"
TRUE, SHUFFLED = "true", "shuffled"


@dataclass(frozen=True)
class Reading:
    """How well one probe reads one fact off one layer, on episodes it never saw.

    Attributes:
        arm: what was probed: the model itself, the same with random weights, pixels.
        layer: of the arm.
        fact: see `Asked`.
        unit: of its numbers.
        probe: which.
        labels: `true`, or `shuffled`: fitted and read on facts of other rows, where
            nothing can be read.
        ahead: steps over which the latents were predicted; None: all of the layer.
        rows: that were read.
        scores: by name: `rmse`, `r2`, `r` of numbers, `f1`, `accuracy` of classes.
    """

    arm: str
    layer: str
    fact: str
    unit: str
    probe: str
    labels: str
    ahead: int | None
    rows: int
    scores: Mapping[str, Score]


@dataclass(frozen=True)
class Scatter:
    """Some test rows: what the ridge told of a fact, and what is true."""

    layer: str
    fact: str
    unit: str
    told: Float32[Tensor, "n F"]
    truth: Float32[Tensor, "n F"]


@dataclass(frozen=True)
class Findings:
    """Everything that was measured.

    Attributes:
        about: where the frames come from.
        frames: how many.
        episodes: of the training, validation and test side.
        readings: of every arm, layer, fact and probe.
        diagnostics: by arm, layer and name.
        scatters: to draw.
        notes: what was left out, and what is doubtful.
    """

    about: str
    frames: int
    episodes: tuple[int, int, int]
    readings: Sequence[Reading]
    diagnostics: Mapping[str, Mapping[str, Mapping[str, float]]]
    scatters: Sequence[Scatter] = ()
    notes: Sequence[str] = field(default_factory=tuple)

    def score(
        self,
        fact: str,
        name: str,
        probe: str | None = None,
        layer: str | None = None,
        arm: str = PROBED,
        labels: str = TRUE,
        ahead: int | None = None,
    ) -> Score:
        """One score, by default of the first probe and layer that has it.

        Raises:
            KeyError: there is none.
        """
        for x in self.readings:
            if (
                (x.fact, x.arm, x.labels, x.ahead) == (fact, arm, labels, ahead)
                and probe in (None, x.probe)
                and layer in (None, x.layer)
                and name in x.scores
            ):
                return x.scores[name]
        raise KeyError(
            f"no {name} of {fact!r} by {probe or 'a probe'} off {layer or 'a layer'}"
        )
