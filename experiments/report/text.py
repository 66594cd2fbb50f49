"""Numbers of a report as text."""

from experiments.report.statistics import Estimate


def number(value: float) -> str:
    """Four digits."""
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def optional(value: float | None) -> str:
    """Four digits, or a dash."""
    return "–" if value is None else number(value)


def interval(estimate: Estimate) -> str:
    """The interval of an estimate, or a dash."""
    if estimate.low is None or estimate.high is None:
        return "–"
    return f"[{number(estimate.low)}, {number(estimate.high)}]"


def clock(seconds: float | None) -> str:
    """Hours, minutes and seconds, in a form that sorts."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
