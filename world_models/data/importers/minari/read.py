"""Importer of Minari data sets: every episode with its final observation.

An episode of T steps has T+1 observations. They become T+1 rows: the first is `first`,
and behind the last comes the first of the next episode, as in a world that resets by
itself. Rows that `data_minari_out` wrote come back as they were, with their streams.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.images.frames import FrameFormat, channels_last, order_note
from ssl_objectives.refusal import DatasetError
from world_models.data.description import read_spec
from world_models.data.format import FACTS, Column, DatasetSpec
from world_models.data.importers.importer import Importer, Rows, zero_rows
from world_models.data.importers.minari.spaces import (
    AFTER,
    BEFORE,
    METADATA,
    ROWS,
    SEEN,
    VECTOR,
    import_minari,
    read_actions,
    read_space,
)
from world_models.data.importers.planes import convert, converted_shape


class MinariData(Importer):
    """Imports a Minari data set of this machine.

    Args:
        data: its `data` folder, or its id.
        form: how frames are converted.
        obs: where observations are a dictionary, which entry is the frame.
        facts: keep infos (and other observations) that have a number for each row.

    Raises:
        DatasetError: there is none, or it holds no images; see `converted_shape`.
        ConfigError: Minari is not installed.
    """

    def __init__(
        self,
        data: Path | str,
        form: FrameFormat,
        obs: str | None = None,
        facts: bool = True,
    ) -> None:
        minari = import_minari()
        self._where, self._form, self._facts = str(data), form, facts
        try:
            self._data = (
                minari.MinariDataset(data)
                if isinstance(data, Path)
                else minari.load_dataset(data)
            )
        except (OSError, ValueError, KeyError, AssertionError) as error:
            if isinstance(error, FileNotFoundError) and isinstance(data, str):
                raise DatasetError(
                    f"{data} is no Minari data set of this machine, and no path. If "
                    f"Minari has it: minari download {data}"
                ) from error
            raise DatasetError(f"{data} is no Minari data set ({error}).") from error
        metadata = self._data.storage.metadata
        self._obs = self._frame_key(read_space(metadata["observation_space"]), obs)
        episode = self._episode(0) if self._data.total_episodes else None
        if episode is None:
            raise DatasetError(f"{data} has no episodes.")
        own = metadata.get(METADATA)
        self._ours = own is not None
        self.about = {"minari": self._data.id, "metadata": _plain(metadata)}
        if own is not None:
            self.about = {**self.about, "source": json.loads(own)["source"]}
        actions = read_space(metadata["action_space"])
        self._first_action = int(actions.get("start", 0))  # ours begin at 0
        self.spec = (
            self._spec(episode, actions)
            if own is None
            else self._own_spec(json.loads(own)["spec"])
        )
        if self._first_action:
            begin = f"Actions begin at {self._first_action} there, and at 0 here."
            self.notes = (*self.notes, begin)

    def rows(self) -> Iterator[Rows]:
        """All episodes; see `Importer.rows`."""
        stream, name, end = -1, -1, 0
        for number in range(self._data.total_episodes):
            episode = self._episode(number)
            columns = self._columns(episode, number)
            if self._ours:
                infos = _flat(episode.infos)
                start = int(infos[f"{ROWS}/row"][0])
                start -= len(infos.get(f"{ROWS}/{BEFORE}/first", ()))
                own = int(infos[f"{ROWS}/stream"][0])
                stream += own != name or start != end
                name, end = own, start + len(columns["first"])
            yield Rows(max(0, stream), columns)

    def _episode(self, number: int) -> Any:
        try:
            return self._data[number]
        except (OSError, KeyError, ValueError) as error:
            raise DatasetError(
                f"{self._where}: episode {number} is damaged ({error})."
            ) from error

    def _frame_key(self, space: Mapping[str, Any], obs: str | None) -> str | None:
        if space["type"] == "Tuple":
            raise DatasetError(
                f"{self._where} has tuples as observations; a data set holds frames, "
                "or a dictionary with frames. Write it anew with one of these."
            )
        if space["type"] != "Dict":
            if obs is not None:
                raise DatasetError(
                    f"{self._where} has frames alone as observations, without names. "
                    "Leave --obs out."
                )
            return None
        known = list(space["subspaces"])
        if obs is None and "image" in known:
            obs = "image"
        if obs not in known:
            raise DatasetError(
                f"{self._where} has observations {', '.join(known)}. Say which of them "
                "are frames: --obs NAME."
            )
        return obs

    def _spec(self, episode: Any, space: Mapping[str, Any]) -> DatasetSpec:
        try:
            pictures = channels_last(self._pictures(episode)[:1])
        except DatasetError as error:
            raise DatasetError(f"{self._where}: {error}.") from error
        order = order_note(self._pictures(episode).shape)
        self.notes = (*self.notes, *([order] if order else []))
        actions = read_actions(space, self._where)
        infos = self._others(episode)
        num = len(episode) + 1
        kept = {k: x for k, x in infos.items() if _is_fact(x, num)}
        left = sorted(set(infos) - set(kept))
        if left and self._facts:
            names = ", ".join(left)
            self.notes = (*self.notes, f"Without a number for each row: {names}.")
        return DatasetSpec(
            self._form.shape(pictures.shape[1:]),
            actions,
            rewards=True,
            ends=True,
            facts={k: Column(x.shape[1:], x.dtype.name) for k, x in kept.items()}
            if self._facts
            else {},
        )

    def _own_spec(self, saved: Mapping[str, Any]) -> DatasetSpec:
        spec = read_spec(saved)
        return replace(
            spec,
            obs_shape=converted_shape(self._form, spec.obs_shape),
            facts=spec.facts if self._facts else {},
        )

    def _pictures(self, episode: Any) -> NDArray[Any]:
        obs = episode.observations
        return np.asarray(obs if self._obs is None else obs[self._obs])

    def _frames(self, pictures: NDArray[Any]) -> NDArray[np.uint8]:
        if not self._ours:
            return self._form.frames(pictures)
        return convert(self._form, pictures.transpose(0, 3, 1, 2))

    def _others(self, episode: Any) -> dict[str, NDArray[Any]]:
        """Infos, and observations beside the frames, by fact name."""
        found = _flat(episode.infos or {})
        if self._obs is not None:
            rest = {k: x for k, x in episode.observations.items() if k != self._obs}
            found |= _flat(rest)
        if self._ours:
            return {
                k.removeprefix(FACTS): x for k, x in found.items() if k[:6] == FACTS
            }
        return {
            k.replace("/", "."): x
            for k, x in found.items()
            if not k.startswith(f"{ROWS}/")
        }

    def _columns(self, episode: Any, number: int) -> dict[str, NDArray[Any]]:
        where = f"{self._where}: episode {number}"
        steps, spec = len(episode), self.spec
        obs = self._frames(self._pictures(episode))
        if obs.shape != (steps + 1, *spec.obs_shape):
            raise DatasetError(
                f"{where} has {steps} steps and frames {obs.shape}, not "
                f"{(steps + 1, *spec.obs_shape)}."
            )
        columns = zero_rows(spec.columns, steps + 1)
        columns["obs"] = obs
        columns["first"][0] = True
        if "vector" in columns:
            columns["vector"][:] = episode.observations[VECTOR]
        for name, led in (
            ("action", episode.actions),
            ("reward", episode.rewards),
            ("terminated", episode.terminations),
            ("truncated", episode.truncations),
        ):
            if name in columns:
                wanted = columns[name][1:]
                wanted[:] = np.reshape(np.asarray(led), wanted.shape)
                if name == "action" and self._first_action:
                    wanted -= self._first_action
        others = self._others(episode)
        for name in spec.facts:
            fact = others.get(name)
            to = columns[FACTS + name]
            if fact is None or (fact.shape, fact.dtype) != (to.shape, to.dtype):
                found = (
                    "is missing" if fact is None else f"is {fact.dtype} {fact.shape}"
                )
                raise DatasetError(
                    f"{where}: {name} {found}, not {to.dtype} {to.shape}. Give "
                    "--no-facts to leave such arrays out."
                )
            to[:] = fact
        return self._restored(columns, episode) if self._ours else columns

    def _restored(
        self, columns: dict[str, NDArray[Any]], episode: Any
    ) -> dict[str, NDArray[Any]]:
        """What Minari has no place for, from where `data_minari_out` put it."""
        infos = _flat(episode.infos)
        columns["first"] = infos[f"{ROWS}/first"].astype(np.bool_)
        for name in columns:
            if name not in (*SEEN, "first") and FACTS not in name:
                columns[name][0] = infos[f"{ROWS}/{name}"][0]
        for where, order in ((BEFORE, slice(None)), (AFTER, slice(None, None, -1))):
            if f"{ROWS}/{where}/first" not in infos:
                continue
            alone = {k: infos[f"{ROWS}/{where}/{k}"] for k in columns}
            alone["obs"] = self._frames(alone["obs"])
            columns = {
                k: np.concatenate([alone[k], x][order]) for k, x in columns.items()
            }
        return columns


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, NDArray[Any]]:
    """Nested infos as arrays under paths."""
    found: dict[str, NDArray[Any]] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}/")
        else:
            found[prefix + name] = np.asarray(value)
    return found


def _is_fact(array: NDArray[Any], num: int) -> bool:
    return array.dtype.kind in "biuf" and array.shape[:1] == (num,)


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What of Minari's metadata is text or numbers."""
    kept = {k: sorted(x) if isinstance(x, set) else x for k, x in metadata.items()}
    return {
        k: x
        for k, x in kept.items()
        if isinstance(x, str | int | float | list) and k != METADATA
    }
