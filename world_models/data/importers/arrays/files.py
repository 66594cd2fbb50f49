"""Importer of npz and HDF5 files."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.images.frames import FrameFormat, channels_last, natural
from ssl_objectives.refusal import DatasetError
from world_models.data.format import (
    FACTS,
    Column,
    ContinuousColumn,
    DatasetSpec,
    DiscreteColumn,
)
from world_models.data.importers.arrays.checks import (
    MOST_ACTIONS,
    check_axes,
    check_labels,
    check_number_of_actions,
)
from world_models.data.importers.arrays.groups import (
    OBS,
    ArrayGroup,
    find_groups,
    offered_names,
)
from world_models.data.importers.arrays.layout import (
    Layout,
    Named,
    Plan,
    detect,
    find_names,
    plan_rows,
)
from world_models.data.importers.arrays.open import Array, open_arrays
from world_models.data.importers.arrays.told import Told
from world_models.data.importers.importer import Importer, Rows

_BLOCK = 512


class ArrayFiles(Importer):
    """Imports all groups of npz and HDF5 files, one behind the other in one stream.

    Args:
        paths: npz or HDF5 files.
        form: how frames are converted.
        layout: which frame an action belongs to.
        obs: name of the frames, or the end of their path; None looks for the usual
            names.
        drop_final: leave transitions out whose next frame was not kept.
        facts: keep all other arrays that have a number for each frame.
        num_actions: n of discrete actions; None takes the largest and one more, which
            may be `MOST_ACTIONS` at most.

    Raises:
        DatasetError: a file is damaged, or has no frames, or does not fit the others,
            or its numbers hardly mean what rows of them would say.
        ConfigError: h5py is not installed.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        form: FrameFormat,
        layout: Layout = Layout.AUTO,
        obs: str | None = None,
        drop_final: bool = False,
        facts: bool = True,
        num_actions: int | None = None,
    ) -> None:
        self._paths = sorted(paths, key=natural)
        self._form, self._layout, self._obs = form, layout, obs
        self._drop_final, self._facts = drop_final, facts
        self._num_actions, self._told = num_actions, Told()
        spec: DatasetSpec | None = None
        rows = actions = 0
        for path in self._paths:
            for group, named, plan in self._plans(path):
                found = self._spec(group, named, plan)
                if spec is not None and _kind(found) != _kind(spec):
                    raise DatasetError(
                        f"{group.name} has other rows than the files before it: "
                        f"{_kind(found)}, not {_kind(spec)}. Bring all to one shape "
                        "(--size HEIGHT WIDTH resizes frames), or take them apart."
                    )
                spec = spec or found
                rows += len(plan.frame)
                self._told.add(group, named, plan, facts)
                if isinstance(found.actions, DiscreteColumn):
                    actions = max(actions, found.actions.n)
        assert spec is not None  # a file without frames was refused
        if isinstance(spec.actions, DiscreteColumn):
            spec = _with_actions(spec, actions, num_actions)
        elif num_actions is not None:
            has = "no actions" if spec.actions is None else "real actions"
            raise DatasetError(
                f"--num-actions {num_actions} is for discrete actions, and "
                f"{self._paths[0]} has {has}. Leave it out"
                f"{'' if spec.actions is None else ', or save actions as numpy.int64'}."
            )
        self.spec, self.num_rows = spec, rows
        self.about = {"arrays": [str(x) for x in self._paths]}
        self.notes = self._told.notes()

    def rows(self) -> Iterator[Rows]:
        """All rows; see `Importer.rows`."""
        for path in self._paths:
            for group, named, plan in self._plans(path):
                yield from self._blocks(group, named, plan)

    def _plans(self, path: Path) -> Iterator[tuple[ArrayGroup, Named, Plan]]:
        with open_arrays(path) as arrays:
            groups, elsewhere = find_groups(str(path), arrays, self._obs)
            if not groups:
                raise DatasetError(self._no_frames(path, arrays))
            self._told.elsewhere |= elsewhere
            for group in groups:
                named = find_names(group)
                check_axes(group, named)
                if self._facts:
                    check_labels(group, named)
                layout = self._layout
                if layout is Layout.AUTO:
                    layout = detect(group, named)
                yield group, named, plan_rows(group, named, layout, self._drop_final)

    def _no_frames(self, path: Path, arrays: Mapping[str, Array]) -> str:
        wanted = self._obs or ", ".join(OBS)
        offered = offered_names(arrays)
        has = ", ".join((offered or sorted(arrays))[:20]) or "no arrays"
        remedy = "Give --obs NAME." if offered else "None of it is pictures of bytes."
        return f"{path} has no frames under the name {wanted}. It has {has}. {remedy}"

    def _spec(self, group: ArrayGroup, named: Named, plan: Plan) -> DatasetSpec:
        try:
            pictures = channels_last(group.arrays[named.obs][0:1])
        except DatasetError as error:
            raise DatasetError(f"{group.name}: {error}.") from error
        actions: DiscreteColumn | ContinuousColumn | None = None
        if "action" in plan.columns:
            action = plan.columns["action"]
            if action.ndim == 1:
                actions = DiscreteColumn(int(action.max(initial=0)) + 1)
                if actions.n > MOST_ACTIONS and self._num_actions is None:
                    check_number_of_actions(group, named)
            else:
                infinite = (float("inf"),) * action.shape[1]
                actions = ContinuousColumn(tuple(-x for x in infinite), infinite)
        kept = named.facts if self._facts and not plan.following.any() else {}
        arrays = {k: group.arrays[x] for k, x in kept.items()}
        try:
            return DatasetSpec(
                self._form.shape(pictures.shape[1:]),
                actions,
                rewards="reward" in plan.columns,
                ends="terminated" in plan.columns,
                facts={k: Column(x.shape[1:], x.dtype.name) for k, x in arrays.items()},
            )
        except ValueError as error:
            raise DatasetError(
                f"{group.name}: {error}. Facts can be left out with --no-facts."
            ) from error

    def _blocks(self, group: ArrayGroup, named: Named, plan: Plan) -> Iterator[Rows]:
        frames = group.arrays[named.obs]
        for begin in range(0, len(plan.frame), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            index, following = plan.frame[part], plan.following[part]
            obs = self._form.frames(_gather(frames, index))
            if following.any():
                behind = group.arrays[named.known["next_obs"]]
                for i in np.flatnonzero(following):
                    obs[i] = self._form.frames(_gather(behind, index[i : i + 1]))[0]
            columns = {"obs": obs, **{k: x[part] for k, x in plan.columns.items()}}
            for name, fact in self.spec.facts.items():
                there = _gather(group.arrays[named.facts[name]], index)
                # the byte order of another machine becomes this one's
                columns[FACTS + name] = there.astype(fact.dtype, copy=False)
            yield Rows(0, columns)


def _gather(array: Array, index: NDArray[np.int64]) -> NDArray[Any]:
    """Rows whose numbers never fall; read as one slice."""
    begin = int(index[0])
    rows: NDArray[Any] = np.asarray(array[begin : int(index[-1]) + 1])[index - begin]
    return rows


def _kind(spec: DatasetSpec) -> dict[str, Any]:
    """What all files of one data set share: columns, whatever number of actions."""
    return {name: (x.shape, x.dtype) for name, x in spec.columns.items()}


def _with_actions(spec: DatasetSpec, seen: int, asked: int | None) -> DatasetSpec:
    if asked is not None and asked < seen:
        raise DatasetError(
            f"--num-actions {asked}: the files have action {seen - 1}, so there are at "
            f"least {seen}."
        )
    return DatasetSpec(
        spec.obs_shape,
        DiscreteColumn(asked or seen),
        spec.rewards,
        spec.ends,
        spec.facts,
    )
