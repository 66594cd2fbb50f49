"""One Atari game in ALE, stepped exactly as ALE's vector env steps its own."""

from typing import final

import ale_py
import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from envs.atari.protocol import AleDraws, AtariProtocol, rom_path
from envs.atari.ram import SILENCE, SOUND_SAMPLES
from envs.vector_env import EnvState


@final
class AtariMachine:
    """An emulator with a game in it, its random streams, and what it shows and sounds.

    Args:
        game: a name that `rom_path` knows.
        protocol: every switch.
        sound: whether to record all samples of each step.
    """

    def __init__(self, game: str, protocol: AtariProtocol, sound: bool) -> None:
        self._rom, self._protocol, self._hears = rom_path(game), protocol, sound
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        self.ale = ale_py.ALEInterface()
        self.ale.setFloat("repeat_action_probability", protocol.sticky)
        self.ale.setBool("sound_obs", sound)
        self.sound = np.full(protocol.frame_skip * SOUND_SAMPLES, SILENCE, np.uint8)
        self.terminated = self.truncated = False

    def load_rom(self, seed: int) -> None:
        """Begin the random streams, which ALE only does together with the ROM."""
        self.ale.setInt("random_seed", seed)
        self.ale.loadROM(self._rom)
        self._draws, self._noops = AleDraws(seed), AleDraws(seed)
        legal, used = self.ale.getLegalActionSet(), self.ale.getMinimalActionSet()
        self.actions = legal if self._protocol.full_action_space else used
        self.screen: tuple[int, int] = self.ale.getScreenDims()

    def reset(self, seed: int | None) -> None:
        """Begin an episode; with a seed, also the random streams."""
        protocol, noop, fire = self._protocol, ale_py.Action.NOOP, ale_py.Action.FIRE
        if seed is not None:
            self.load_rom(seed)
        self._restart()
        fired = protocol.fire_on_reset and fire in self.actions
        if fired:
            self._act(fire)
        if protocol.noop_max > 0:
            generator = np.random.Generator(self._noops.bits)
            drawn = int(generator.integers(protocol.noop_max, dtype=np.uint32))
            for _ in range(drawn - fired):
                self._act(noop)
                if self.ale.game_over():
                    self._restart()
        self.sound.fill(SILENCE)
        self._elapsed = 0
        self._pooled = self._screen()

    def step(self, action: int) -> int:
        """Emulate one step's frames and return their score; `action` is an index.

        The vector env leaves the frame that ends an episode out of the picture: its
        final observation is the one before, brightened by the step's last frame but
        one. So does this, to be equal.
        """
        protocol, lives, score = self._protocol, self.ale.lives(), 0
        self.sound.fill(SILENCE)
        earlier = None
        for frame in range(protocol.frame_skip):
            score += self._act(self.actions[action])
            self._elapsed += 1
            if self._hears:
                start = frame * SOUND_SAMPLES
                self.ale.getAudio(self.sound[start : start + SOUND_SAMPLES])
            died = protocol.life_ends_episode and 0 < self.ale.lives() < lives
            self.terminated = self.ale.game_over() or died
            late = self._elapsed >= protocol.max_frames
            self.truncated = late and not self.terminated
            if self.terminated or self.truncated:
                break
            if frame == protocol.frame_skip - 2:
                earlier = self._screen()
            elif frame == protocol.frame_skip - 1:
                self._pooled = self._screen()
        if earlier is not None and protocol.max_pool:
            self._pooled = np.maximum(self._pooled, earlier)
        return score

    def image(self) -> NDArray[np.uint8]:
        """The observation, `[C, H, W]`."""
        size = (self._protocol.height, self._protocol.width)
        image = self._pooled
        if self.screen != size:
            resized = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
            image = np.asarray(resized, np.uint8)
        return image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)

    def state_dict(self) -> EnvState:
        """Emulator, random streams, and the three things that ALE leaves out."""
        return {
            "ale": self.ale.cloneSystemState().serialize(),
            "held": self._held.value,
            "elapsed": self._elapsed,
            "pooled": torch.from_numpy(self._pooled),
            "draws": self._draws.state_dict(),
            "noops": self._noops.state_dict(),
        }

    def load_state_dict(self, state: EnvState) -> None:
        """Continue from `state_dict`."""
        self.reset(0)
        held = ale_py.Action(state["held"])
        while self._held != held:  # ALE has no way of setting the action it may repeat
            self._act(held)
        self.ale.restoreSystemState(ale_py.ALEState(state["ale"]))
        self._elapsed = state["elapsed"]
        self._pooled = state["pooled"].cpu().numpy().copy()
        self._draws.load_state_dict(state["draws"])
        self._noops.load_state_dict(state["noops"])

    def _restart(self) -> None:
        self.ale.reset_game()
        self._held = ale_py.Action.NOOP

    def _act(self, action: ale_py.Action) -> int:
        if not self._draws.sticks(self._protocol.sticky):
            self._held = action
        return self.ale.act(action)

    def _screen(self) -> NDArray[np.uint8]:
        grey = self._protocol.grayscale
        return self.ale.getScreenGrayscale() if grey else self.ale.getScreenRGB()
