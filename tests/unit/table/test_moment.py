"""A moment means the newest snapshot that is not younger."""

from __future__ import annotations

import datetime as dt
import json

import pytest

import tablestore as ts
from tablestore.errors import InvalidInputError, NotFoundError
from tests.support.builders import keyed_table, rows, stored

HOUR = 3_600_000
START = 1_700_000_000_000  # 2023-11-14T22:13:20Z


@pytest.fixture
def table(tmp_path):
    """Three snapshots, an hour apart."""
    made = keyed_table(tmp_path)
    for n in (1, 2, 3):
        made.upsert(rows([n]))
        path = tmp_path / "shop.db" / "t" / "snapshot" / f"snapshot-{n}"
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | {"timeMillis": START + (n - 1) * HOUR}))
    return ts.open_table(made.path)


def at(table, moment):
    return table.at(timestamp=moment).snapshot_id


def test_a_snapshot_id_pins_its_rows_and_schema(table):
    pinned = table.at(snapshot=2)
    assert pinned.snapshot_id == 2
    assert stored(pinned) == {1: "1", 2: "2"}
    table.upsert(rows([9]))
    assert set(stored(pinned)) == {1, 2}
    assert set(stored(table)) == {1, 2, 3, 9}
    assert [info.id for info in pinned.history()] == [2, 1]


@pytest.mark.parametrize(
    ("moment", "snapshot"),
    [
        ("2023-11-14T22:13:20Z", 1),
        ("2023-11-14T22:13:20.001Z", 1),
        ("2023-11-14T23:13:19.999Z", 1),
        ("2023-11-14T23:13:20Z", 2),
        ("2023-11-14 23:13:20", 2),
        ("2023-11-15T00:13:20+01:00", 2),
        (" 2023-11-15T00:13:20 ", 3),
        ("2099-01-01", 3),
        (dt.datetime(2023, 11, 14, 23, 30), 2),
        (dt.datetime(2023, 11, 14, 23, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))), 1),
    ],
)
def test_a_timestamp_means_the_newest_snapshot_that_is_not_younger(table, moment, snapshot):
    assert at(table, moment) == snapshot


def test_before_the_first_snapshot_there_is_none(table):
    with pytest.raises(NotFoundError, match=r"first one is 1 of 2023-11-14T22:13:20"):
        table.at(timestamp="2023-11-14T22:13:19Z")


def test_an_age_counts_back_from_now(table):
    assert table.at(ago="1 h").snapshot_id == 3
    assert table.at(ago=dt.timedelta(days=1)).snapshot_id == 3
    with pytest.raises(NotFoundError, match="ago"):
        table.at(ago="36500 d")


@pytest.mark.parametrize("bad", ["", "now", "2023-13-01", "12"])
def test_what_is_no_time_is_refused(table, bad):
    with pytest.raises(InvalidInputError, match="ISO"):
        table.at(timestamp=bad)


def test_a_table_without_commits_has_no_moments():
    table = keyed_table()
    assert table.snapshot_id is None
    assert table.to_arrow().num_rows == 0
    assert table.history() == []
    for how in ({"snapshot": 1}, {"ago": "1h"}, {"timestamp": "2023-01-01"}):
        with pytest.raises(NotFoundError):
            table.at(**how)
