"""What `--help` says of the rows of each table."""

import pytest

from experiments.config.choices import Table
from experiments.pretrain import tables

TABLES = {name: x for name, x in vars(tables).items() if isinstance(x, Table)}


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_a_line_of_its_own(name: str) -> None:
    lines = [row.help for row in TABLES[name].rows.values()]
    assert all(lines)
    assert len(set(lines)) == len(lines)
