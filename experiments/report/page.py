"""A report as sections, and these as Markdown, as one HTML page, and in a terminal."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich import box
from rich.markup import escape as escape_markup
from rich.table import Table

from agents.score_statistics import Estimate

FORMAT_VERSION = 1


@dataclass(frozen=True)
class TextTable:
    """Texts in rows and columns; the first `names` columns are names, not numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1

    def for_terminal(self, columns: int) -> Table:
        """The first columns for rich; texts may wrap, numbers do not."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for i, column in enumerate(self.columns[:columns]):
            number = i >= self.names
            table.add_column(
                column,
                justify="right" if number else "left",
                no_wrap=number,
                overflow="fold",
            )
        for row in self.rows:
            table.add_row(*map(escape_markup, row[:columns]))
        return table

    def left_out(self, columns: int) -> str:
        """What `for_terminal` does not show, as a line for people; else nothing."""
        missing = ", ".join(self.columns[columns:])
        return f"The report also has: {missing}" if missing else ""


@dataclass(frozen=True)
class Picture:
    """A PNG, and what it shows, in words."""

    about: str
    file: Path


@dataclass(frozen=True)
class Section:
    """A heading with, in this order, paragraphs, points, a table and pictures."""

    title: str
    paragraphs: Sequence[str] = ()
    points: Sequence[str] = ()
    table: TextTable | None = None
    pictures: Sequence[Picture] = ()


def to_markdown(title: str, sections: Iterable[Section]) -> str:
    """The report as Markdown; pictures are files beside it."""
    return "\n".join([f"# {_plain(title)}", "", *_markdown(sections)])


def to_html(title: str, sections: Iterable[Section]) -> str:
    """The report as one page that needs nothing else: pictures are inside it."""
    body = "\n".join(_html(sections))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="curious-report-format" content="{FORMAT_VERSION}">\n'
        f"<title>{escape(title)}</title>\n<style>{_CSS}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{body}\n<script>{_SORT}</script>\n</body>\n</html>\n"
    )


def _markdown(sections: Iterable[Section]) -> Iterator[str]:
    for section in sections:
        yield from (f"## {_plain(section.title)}", "")
        for text in section.paragraphs:
            yield from (_plain(text), "")
        yield from (f"- {_plain(text)}" for text in section.points)
        if section.points:
            yield ""
        if section.table is not None:
            table = section.table
            right = ["---:"] * (len(table.columns) - table.names)
            for row in (table.columns, ["---"] * table.names + right, *table.rows):
                rule = row and row[0] == "---"
                yield f"| {' | '.join(row if rule else map(_plain, row))} |"
            yield ""
        for picture in section.pictures:
            yield from (f"![{_plain(picture.about)}]({picture.file.name})", "")


def _html(sections: Iterable[Section]) -> Iterator[str]:
    for section in sections:
        yield f"<section><h2>{escape(section.title)}</h2>"
        yield from (f"<p>{escape(text)}</p>" for text in section.paragraphs)
        if section.points:
            points = "".join(f"<li>{escape(x)}</li>" for x in section.points)
            yield f"<ul>{points}</ul>"
        if section.table is not None:
            yield from _html_table(section.table)
        for picture in section.pictures:
            png = picture.file.read_bytes()
            width = int.from_bytes(png[16:20]) * 2 // 3  # drawn at 150 dots per inch
            data = base64.b64encode(png).decode("ascii")
            yield (
                f'<img alt="{escape(picture.about)}" width="{width}" '
                f'src="data:image/png;base64,{data}">'
            )
        yield "</section>"


def _html_table(table: TextTable) -> Iterator[str]:
    yield '<div class="wide"><table><thead><tr>'
    yield "".join(f"<th>{escape(x)}</th>" for x in table.columns)
    yield "</tr></thead><tbody>"
    for row in table.rows:
        cells = (
            f"<td{' class=s' if len(x) < 30 else ''}>{escape(x)}</td>" for x in row
        )
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _plain(text: str) -> str:
    """Text in which Markdown sees nothing to mark up."""
    for mark in "\\|*_<>`[]":
        text = text.replace(mark, f"\\{mark}")
    return text


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


_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff;
  max-width: 76rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid #ddd; overflow-wrap: break-word; }
th { border-bottom: 2px solid #888; cursor: pointer; white-space: nowrap; }
th[data-up="1"]::after { content: " ▲"; } th[data-up="0"]::after { content: " ▼"; }
td.s { font-variant-numeric: tabular-nums; white-space: nowrap; }
img { max-width: 100%; display: block; margin: 1rem 0; }
.wide { overflow-x: auto; }
"""

# A click on a heading sorts by that column: by the numbers that cells begin with, where
# those are equal or missing by the rest.
_SORT = """
for (const head of document.querySelectorAll("th")) head.onclick = () => {
  const row = head.parentNode, body = row.closest("table").tBodies[0];
  const up = head.dataset.up === "1" ? -1 : 1, i = [...row.cells].indexOf(head);
  for (const other of row.cells) delete other.dataset.up;
  head.dataset.up = up === 1 ? "1" : "0";
  const text = line => line.cells[i].textContent;
  const number = line => parseFloat(text(line).replaceAll(",", ""));
  const order = (a, b) => number(a) - number(b) ||
    text(a).localeCompare(text(b), undefined, {numeric: true});
  [...body.rows].sort((a, b) => up * order(a, b)).forEach(line => body.append(line));
};
"""
