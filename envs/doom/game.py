"""One game of ViZDoom: an engine in a process of its own, and what it shows."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.vector_env import WorldError

ACTIONS = ("no-op", "turn left", "turn right", "forward")
SCREEN = (120, 160)
"""rows and columns of the engine's picture"""

_BUTTONS = ("TURN_LEFT", "TURN_RIGHT", "MOVE_FORWARD")
_PRESSED = ([0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1])
_VEST = 1.0  # what it pays
_BEGIN_TICS = 10  # the player's hands move for so long


def vizdoom() -> Any:
    """The package, which is an optional extra.

    Raises:
        WorldError: it is not installed.
    """
    if find_spec("vizdoom") is None:
        raise WorldError(
            "ViZDoom is not installed: pip install 'curious-worlds[vizdoom]', or "
            "choose another world"
        )
    return import_module("vizdoom")


def scenario(name: str) -> Path:
    """Where a file of ViZDoom's own scenarios lies.

    Raises:
        WorldError: ViZDoom is not installed.
    """
    return Path(vizdoom().scenarios_path) / name


@dataclass(frozen=True)
class Rules:
    """How a game goes.

    Attributes:
        frame_skip: tics that an action lasts.
        max_episode_steps: longer episodes are cut.
        living_reward: paid for every tic.
    """

    frame_skip: int = 4
    max_episode_steps: int = 525
    living_reward: float = 0.0


@final
class Game:
    """An engine with a map in it, set up here and by no file of the machine's.

    Args:
        wad: the file of the map, which must stay there.
        folder: where the engine may write.
        rules: how long an action lasts, and what tics pay.
        colour: keep the screen in colour, too.

    Attributes:
        grey: u8 `[120, 160]`, what is seen. Where the engine has ended an episode
            there is nothing: it stays what was seen before.
        colour: u8 `[3, 120, 160]`, the same in colour; None where nobody asked.
        place: x, y (map units) and angle (degrees) of the player.

    Raises:
        WorldError: ViZDoom is not installed, or does not start.
    """

    def __init__(
        self, wad: Path, folder: Path, rules: Rules, colour: bool = False
    ) -> None:
        package = vizdoom()
        self._skip, self._errors = rules.frame_skip, _errors(package)
        self.grey: NDArray[np.uint8] = np.zeros(SCREEN, np.uint8)
        self.colour: NDArray[np.uint8] | None = None
        self.place = (0.0, 0.0, 0.0)
        self._coloured = colour
        self._lived = max(0.0, rules.living_reward * rules.frame_skip)
        self._game = game = package.DoomGame()
        game.set_doom_scenario_path(str(wad))
        game.set_doom_map("map01")
        game.set_doom_skill(5)
        game.set_doom_config_path(str(folder / "engine.ini"))
        game.set_screen_resolution(package.ScreenResolution.RES_160X120)
        formats = package.ScreenFormat
        game.set_screen_format(formats.RGB24 if colour else formats.GRAY8)
        game.set_render_hud(False)
        game.set_render_crosshair(False)
        game.set_render_weapon(True)
        game.set_render_decals(False)
        game.set_render_particles(False)
        game.set_window_visible(False)
        game.set_sound_enabled(False)
        game.set_console_enabled(False)
        game.set_mode(package.Mode.PLAYER)
        game.set_available_buttons([getattr(package.Button, x) for x in _BUTTONS])
        game.set_episode_start_time(_BEGIN_TICS)
        game.set_episode_timeout(0)  # whoever steps it counts
        game.set_living_reward(rules.living_reward)
        seen = package.GameVariable
        self._place = (seen.POSITION_X, seen.POSITION_Y, seen.ANGLE)
        with self._told("does not start"), _deaf_to_ctrl_c():
            game.init()

    def begin(self, seed: int) -> None:
        """A new episode; all chance in it follows from the seed."""
        with self._told("does not begin an episode"):
            self._game.set_seed(seed)
            self._game.new_episode()
            self._look()

    def act(self, action: int) -> tuple[float, bool]:
        """One step: its reward, and whether it found the vest, which ends all."""
        with self._told("has ended in the midst of an episode"):
            reward = self._game.make_action(_PRESSED[action], self._skip)
            over = self._game.is_episode_finished()
            self._look(blind=over)
            # The engine ends an episode a tic behind that which paid for the vest.
            found = over or reward > self._lived + _VEST / 2
        return float(reward), bool(found)

    def close(self) -> None:
        """End the engine."""
        self._game.close()

    def _look(self, blind: bool = False) -> None:
        x, y, angle = (self._game.get_game_variable(v) for v in self._place)
        self.place = (float(x), float(y), float(angle))
        if blind:
            return
        screen = self._game.get_state().screen_buffer
        if self._coloured:
            self.colour = np.ascontiguousarray(np.moveaxis(screen, -1, 0))
            red, green, blue = self.colour.astype(np.float64)
            # The engine's own grey, to the last bit.
            screen = (0.21 * red + 0.72 * green + 0.07 * blue).astype(np.uint8)
        self.grey = screen

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Says in a sentence what went wrong with the engine."""
        try:
            yield
        except self._errors as error:
            raise WorldError(f"ViZDoom {what}: {error}") from error


@contextmanager
def no_folder_left() -> Iterator[None]:
    """Engines make a folder wherever a person happens to be: it is taken away again."""
    made = Path("_vizdoom").absolute()
    existed = made.exists()
    try:
        yield
    finally:
        if not existed:
            with suppress(OSError):  # there is none, or something lies in it
                made.rmdir()


def shrunk(grey: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """`[pixels, pixels]`: means over areas, the picture's proportions not kept."""
    small = cv2.resize(grey, (pixels, pixels), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _errors(package: Any) -> tuple[type[Exception], ...]:
    names = (
        "FileDoesNotExistException",
        "MessageQueueException",
        "SharedMemoryException",
        "ViZDoomErrorException",
        "ViZDoomIsNotRunningException",
        "ViZDoomUnexpectedExitException",
    )
    return tuple(getattr(package, x) for x in names)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """What is started inside hears no Ctrl-C, which a terminal sends to all processes.

    Its end is for us to decide: a run that is asked to stop saves its state first.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)
