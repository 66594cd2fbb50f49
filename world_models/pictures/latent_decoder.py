"""A decoder to look into any world model: what it sees, and what it imagines."""

from collections.abc import Callable, Iterable, Mapping

import torch
from jaxtyping import Float, Float32, Shaped, UInt8
from torch import Tensor, nn

from ssl_objectives.encoders.decoders import DecoderConfig
from ssl_objectives.refusal import ConfigError, TrainingDiverged
from world_models.latent_dynamics import LatentDynamics
from world_models.pictures.centered import CenteredDecoder, DecoderBodyConfig
from world_models.pictures.gathered import Gathered, foretold, gather
from world_models.probing.ridge import FIXED, LinearReader, Ridge
from world_models.probing.rows import Rows
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorEncoder

_MAX_NORM = 10.0  # of gradients
_LATENT = "latent"  # what is read


class LatentDecoder:
    """Draws latents of a trained model, from which no gradient ever reaches the model.

        decoder = LatentDecoder.fit(model, trajectories)
        seen = model.belief.throughout(traj, model.start(traj.first.shape[1]))
        decoder.reconstruct(seen.latent)
        decoder.imagine(seen.belief[0], traj.action)

    Two things are fitted, apart from the model and from each other. A **decoder**, from
    latents of frames that the encoder saw to these frames (of a stack: the newest), as
    DINO-WM has one (arXiv 2411.04983). And a **ridge regression**, from what the model
    says of a step that it does not see (open-loop belief and prediction) to the latent
    of the frame that then came. So any model can be looked into: one that predicts
    another space, or directions alone, or nothing. What is imagined is drawn by the
    same decoder, which never met a prediction; and between the two there is nothing
    but a linear map, which can hardly learn the dynamics in the model's place.

    Deviation: DINO-WM's decoder is a VQ-VAE's; ours has one linear layer and
    convolutions, learns squared errors, and so draws what is uncertain as a mean.

    Args:
        model: stays as it is.
        decoder: of the encoder's latents.
        reading: of what the model says of what it does not see.
    """

    def __init__(
        self, model: LatentDynamics, decoder: CenteredDecoder, reading: LinearReader
    ) -> None:
        self.model, self.decoder, self.reading = model, decoder, reading

    @staticmethod
    def fit(
        model: LatentDynamics,
        trajectories: Iterable[Trajectory],
        *,
        burn_in: int = 0,
        config: DecoderBodyConfig | None = None,
        steps: int = 500,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        seed: int = 0,
        watch: Callable[[int, Float[Tensor, ""]], None] | None = None,
    ) -> "LatentDecoder":
        """Fit both on trajectories, which are all held in memory (frames as bytes).

        Args:
            model: a world model that sees pixels; no weight and no statistic of it is
                changed.
            trajectories: on the model's device; open loops are as long as they are.
            burn_in: transitions in front of each that only lead up to the rest.
            config: of the decoder; None: convolutions with 8 channels at the end.
            steps, batch_size, learning_rate: of Adam, whose rate falls to 0.
            seed: of initial weights and of the order of frames.
            watch: told after each step how many there were, and the loss: 1 is to draw
                the mean image always.

        Raises:
            ConfigError: the model sees no pixels, or no trajectory has a first step.
            TrainingDiverged: latents or losses are not finite.
        """
        check_sees_pixels(model)
        rows = gather(model, trajectories, burn_in)
        if not len(rows.told):
            raise ConfigError(
                "In no trajectory is the first transition inside an episode, so that "
                "there is nothing to imagine: give other trajectories."
            )
        device = rows.latent.device
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            decoder = CenteredDecoder(
                config or DecoderConfig(8), rows.latent, rows.frames
            ).to(device)
        _descend(decoder, rows, steps, batch_size, learning_rate, seed, watch)
        aims = _rows(rows.told, {_LATENT: rows.aim})
        return LatentDecoder(model, decoder.eval(), Ridge((FIXED,)).fit(aims, aims))

    def reconstruct(
        self, latent: Float32[Tensor, "*batch D"]
    ) -> UInt8[Tensor, "*batch C H W"]:
        """What is left of a frame in its latent."""
        made: Tensor = self.decoder(latent)
        return made

    def imagine(
        self, belief: Float32[Tensor, "*batch S"], action: Shaped[Tensor, "..."]
    ) -> UInt8[Tensor, "K *batch C H W"]:
        """Frames after each of K actions `[K, *batch, …]`, of which none is seen."""
        told = foretold(self.model, belief, action)
        latent = self.reading.told(_rows(told.flatten(0, -2), {}))[_LATENT].float()
        return self.reconstruct(latent.view(*told.shape[:-1], -1))


def check_sees_pixels(model: LatentDynamics) -> None:
    """Refuse a model whose latents are of no images.

    Raises:
        ConfigError: its encoder reads the vector of a world.
    """
    if isinstance(model.belief.encoder, VectorEncoder):
        raise ConfigError(
            "This model sees numbers and no pixels, so that there is nothing to draw: "
            "take one whose --encoder reads images."
        )


def _rows(
    told: Float32[Tensor, "N E"], facts: Mapping[str, Float32[Tensor, "N D"]]
) -> Rows:
    """As a probe reads them; nothing is split, so that one episode will do."""
    alone = torch.zeros(len(told), dtype=torch.int64, device=told.device)
    return Rows(told, facts, alone)


def _descend(
    decoder: CenteredDecoder,
    rows: Gathered,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    watch: Callable[[int, Float[Tensor, ""]], None] | None,
) -> None:
    """Adam on batches drawn evenly, with a rate that falls along a cosine."""
    optimizer = torch.optim.Adam(decoder.parameters(), learning_rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator = torch.Generator().manual_seed(seed)
    loss = rows.latent.new_zeros(())
    for step in range(1, steps + 1):
        drawn = torch.randint(len(rows.latent), (batch_size,), generator=generator)
        drawn = drawn.to(rows.latent.device)
        loss = decoder.loss(rows.latent[drawn], rows.frames[drawn])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(decoder.parameters(), _MAX_NORM)
        optimizer.step()
        falling.step()
        if watch is not None:
            watch(step, loss.detach())
    if not loss.isfinite():
        raise TrainingDiverged(
            "The decoder's loss is not finite any more: take a smaller learning rate."
        )
