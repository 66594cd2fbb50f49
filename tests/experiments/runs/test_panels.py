from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from experiments.runs.areas import PART_LINES, color_of, draw_areas
from experiments.runs.panels import Curve, CurvePanel, SharePanel, shares, smooth
from experiments.runs.scales import counts, free, from_zero, logarithmic, percent

Columns = dict[str, np.ndarray]


@pytest.fixture
def ax() -> Axes:
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.subplots()


def columns(**more: Any) -> Columns:
    """Twenty rows of two facts, one of them with three names."""
    ones = np.ones(20)
    logged = {
        "share/in_view/runner": 0.5 * ones,
        "share/in_view/noise": 0.3 * ones,
        "share/in_view/a/b": 0.2 * ones,
        "share/room/hall": ones,
        "share/room": ones,
        "share/never/x": np.nan * ones,
    }
    return {"steps": np.arange(20) * 40, **logged, **more}


def outlines(ax: Axes) -> list[np.ndarray]:
    """Corners of each area, x and y."""
    return [np.asarray(x.get_paths()[0].vertices) for x in ax.collections]


def test_shares_are_found_by_fact_and_name_in_the_order_logged() -> None:
    found = shares(columns())
    assert list(found) == ["in_view", "room"]
    assert list(found["in_view"].items()) == [
        ("runner", "share/in_view/runner"),
        ("noise", "share/in_view/noise"),
        ("a/b", "share/in_view/a/b"),
    ]


def test_shares_are_areas_with_the_first_at_the_bottom(ax: Axes) -> None:
    in_view, room = SharePanel("Share of steps").drawings(columns())
    assert (in_view.title, room.title) == (
        "Share of steps: in view",
        "Share of steps: room",
    )
    in_view.draw(ax)
    edges = [(x[:, 1].min(), x[:, 1].max()) for x in outlines(ax)]
    np.testing.assert_allclose(edges, [[0, 0.5], [0.5, 0.8], [0.8, 1]])
    shown = [to_hex(np.asarray(x.get_facecolor())[0]) for x in ax.collections]
    assert shown == [color_of(i) for i in range(3)]
    legend = ax.get_legend()
    assert legend is not None
    assert [x.get_text() for x in legend.get_texts()] == ["runner", "noise", "a/b"]
    assert ax.get_ylim() == (0, 1)


def test_rows_that_say_nothing_of_shares_are_passed_over(ax: Axes) -> None:
    gaps = {k: x.astype(float) for k, x in columns().items()}
    gaps["share/in_view/noise"][[0, 7]] = np.nan
    drawing = next(SharePanel("").drawings(gaps))
    drawing.draw(ax)
    area = outlines(ax)[0]
    assert area[:, 0].min() == 40
    assert 7 * 40 not in area[:, 0]
    assert np.isfinite(area).all()


def test_shares_are_smoothed_and_still_add_up_to_one(ax: Axes) -> None:
    flips = np.arange(200) % 2.0
    logged = {
        "steps": np.arange(200),
        "share/f/a": flips,
        "share/f/b": 1 - flips,
    }
    next(SharePanel("").drawings(logged)).draw(ax)
    below, above = (x[:, 1] for x in outlines(ax))
    assert below.max() < 0.6
    assert above.max() == pytest.approx(1)


def test_a_panel_without_values_is_no_picture() -> None:
    panel = CurvePanel("x", (Curve("watched/*", "", "#0072b2"),))
    assert not list(panel.drawings(columns()))
    assert not list(SharePanel("").drawings({"steps": np.arange(3)}))


def test_lines_of_parts_have_the_colours_of_their_areas(ax: Axes) -> None:
    logged = columns(
        **{"watched/runner": np.full(20, 0.1), "watched/noise": np.full(20, 1.0)}
    )
    curve = Curve("watched/*", "", "#0072b2", points=True, colors=PART_LINES)
    [drawing] = CurvePanel("loss", (curve,), logarithmic).drawings(logged)
    drawing.draw(ax)
    assert [(x.get_label(), x.get_color()) for x in ax.lines] == [
        ("runner", PART_LINES[0]),
        ("noise", PART_LINES[1]),
    ]
    assert PART_LINES[0] == color_of(0)
    assert ax.get_yscale() == "log"


def test_areas_beyond_the_palette_have_a_colour(ax: Axes) -> None:
    draw_areas(ax, np.arange(3), [np.full(3, 0.1)] * 10, [str(i) for i in range(10)])
    assert len(ax.collections) == 10
    assert color_of(9) != color_of(0)


def ticks(ax: Axes) -> list[float]:
    low, high = ax.get_ylim()
    return [x for x in ax.get_yticks() if low <= x <= high]


@pytest.mark.parametrize(
    ("low", "high"), [(1.0, 1.05), (0.04, 0.5), (0.001, 1.2), (3.0, 8e4), (2.0, 2.0)]
)
def test_a_log_axis_holds_all_values_and_has_ticks(
    ax: Axes, low: float, high: float
) -> None:
    ax.plot([low, high])
    ax.fill_between([0, 1], [low, low], [high, high])
    logarithmic(ax)
    bottom, top = ax.get_ylim()
    assert ax.get_yscale() == "log"
    assert 0 < bottom < low <= high < top
    assert top / bottom >= 4
    assert 2 <= len(ticks(ax)) <= 12
    ax.figure.canvas.draw()
    labels = {x.get_text() for x in ax.get_yticklabels()}
    assert not [x for x in labels if "10^" in x]


@pytest.mark.parametrize("values", [[0.0, 1.0], [-1.0, 2.0], [np.nan]])
def test_no_log_axis_without_positive_values(ax: Axes, values: list[float]) -> None:
    ax.plot(values)
    logarithmic(ax)
    assert ax.get_yscale() == "linear"
    bottom, top = ax.get_ylim()
    assert not [x for x in values if not (np.isnan(x) or bottom <= x <= top)]


@pytest.mark.parametrize(
    ("scale", "bottom", "whole"),
    [(free, 0.95, False), (from_zero, 0.0, False), (counts, 0.0, True)],
)
def test_other_scales(
    ax: Axes, scale: Callable[[Axes], None], bottom: float, whole: bool
) -> None:
    ax.plot([1.0, 2.0])
    scale(ax)
    assert ax.get_ylim()[0] == pytest.approx(bottom)
    assert ax.get_ylim()[1] > 2
    assert all(x == int(x) for x in ticks(ax)) is whole


def test_percent(ax: Axes) -> None:
    ax.plot([0.2, 0.3])
    percent(ax)
    ax.figure.canvas.draw()
    assert [x.get_text() for x in ax.get_yticklabels()] == ["0%", "50%", "100%"]


def test_smoothing_keeps_length_constants_and_slopes() -> None:
    assert smooth(np.full(7, 3.0), 4) == pytest.approx([3.0] * 7)
    np.testing.assert_allclose(smooth(np.arange(9.0), 3)[1:-1], np.arange(1.0, 8.0))
    np.testing.assert_allclose(smooth(np.array([1.0, 5.0]), 10), [3.0, 3.0])
    np.testing.assert_allclose(smooth(np.array([2.0]), 5), [2.0])
    rough = np.random.default_rng(0).normal(size=500)
    assert smooth(rough, 25).std() < 0.3
