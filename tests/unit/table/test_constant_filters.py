"""Filters that read no column: everything or nothing, with and without partitions."""

from __future__ import annotations

import pytest

from tests.support.builders import append_table, keyed_table, rows, stored


@pytest.mark.parametrize("make", [append_table, keyed_table])
@pytest.mark.parametrize(("where", "kept"), [("true", 3), ("1 = 2", 0), ("1 = 1 or id = 0", 3)])
def test_a_constant_selects_every_row_or_none(make, where, kept):
    table = make()
    with table.batch() as batch:
        batch.write(rows(range(3)))
    assert len(stored(table, where=where)) == kept
    assert table.explain(where).files <= 1


@pytest.mark.parametrize(("where", "kept"), [("true", 1), ("false", 0)])
def test_the_same_with_partitions(where, kept):
    columns = {"id": "BIGINT NOT NULL", "v": "STRING", "p": "INT NOT NULL"}
    table = keyed_table(columns=columns, key=("id", "p"), by=("p",))
    table.upsert([{"id": 1, "v": "a", "p": 1}])
    assert len(stored(table, where=where)) == kept
