"""336,776 flights streamed into a table by one process, compacted by another, read by a third.

python examples/flights.py            makes ./demo-lake, checks it against pandas
python examples/flights.py --clean    removes ./demo-lake
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    import tablestore as ts

LAKE = Path("demo-lake")
MARK = LAKE / ".made-by-the-flights-demo"
TABLE = "air.flights"
_PAUSE_SECONDS = 0.25
_COMPACT_FROM_WEEK = 24
_MAIN = "from tablestore.cli.main import main; main()"
COMPACTIONS = LAKE / ".compactor.jsonl"
COMPACT = [
    *(sys.executable, "-c", _MAIN, "--lake", str(LAKE)),
    *("compact", TABLE, "--watch", "--interval", "1", "--json"),
]


def main() -> None:
    """Runs the demo, its writing process, or its removal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--clean", action="store_true", help="remove what the demo made")
    arguments = parser.parse_args()
    if arguments.clean:
        clean()
    elif arguments.write:
        write()
    else:
        demo()


def clean() -> None:
    """Removes the lake of an earlier run, and no folder that the demo did not make."""
    if MARK.exists():
        shutil.rmtree(LAKE)
    elif LAKE.exists():
        raise SystemExit(f"{LAKE} is there and was not made by this demo: move it away")


# -- the writing process ----------------------------------------------------------------


def write() -> None:
    """One commit a simulated week; prints one JSON line a commit for the process that reads."""
    import tablestore as ts
    from flight_events import ROW_KIND, load_flights, make_events

    events = make_events(load_flights())
    table = ts.open_table(str(LAKE / "air.db" / "flights"))
    for week in events.by_week():
        began = time.perf_counter()
        result = table.upsert(week, row_kind=ROW_KIND)
        seconds = time.perf_counter() - began
        line = {"snapshot": result.snapshot_id, "events": week.num_rows, "seconds": seconds}
        print(json.dumps(line), flush=True)


# -- the reading process ----------------------------------------------------------------


def demo() -> None:
    """Starts the others, reads meanwhile, checks the end against pandas and prints the figures."""
    from flight_events import load_flights, make_events

    began = time.perf_counter()
    clean()
    LAKE.mkdir()
    MARK.touch()
    table = create()
    flights = load_flights()
    events = make_events(flights)
    print(f"{flights.num_rows:,} flights, {events.table.num_rows:,} events, one commit a week")

    run = Run(table, events.rows_after_each_week())
    run.watch()
    found = table.to_pandas()
    problems = check(found, commits=len(run.commits), weeks=len(events.rows_after_each_week()))
    written = sum(commit["events"] for commit in run.commits)
    busy = sum(commit["seconds"] for commit in run.commits)
    print(f"commits        {len(run.commits)} by another process, snapshot {table.snapshot_id}")
    print(f"written        {written:,} events in {busy:.1f} s, {written / busy:,.0f} rows/s")
    share = events.share_reaching_back()
    print(f"reaching back  {share:.1%} of the updates change a row of an earlier commit")
    print(f"read meanwhile {run.reads} times, each time the rows of a whole number of weeks")
    tell_compaction(table, run.compactions)
    print(f"all            {time.perf_counter() - began:.1f} s")
    if problems:
        raise SystemExit("NOT equal to pandas: " + "; ".join(problems))
    print("equal to pandas: row count, sums of delays, no cancelled flight")
    suggest()


def create() -> ts.Table:
    """The empty table."""
    import tablestore as ts
    from flight_events import KEY, SCHEMA

    return ts.connect(str(LAKE)).create_table(
        TABLE,
        SCHEMA,
        primary_key=KEY,
        partition_by=["month"],
        options={"bucket": "2", "write-only": "true"},  # compaction is another process's work
        comment="flights that left New York in 2013",
    )


def tell_compaction(table: ts.Table, done: list[dict[str, Any]]) -> None:
    """What the compacting process did, and what that does to a read of the same rows.

    Raises:
        SystemExit: there was no compaction, or it changed the rows.
    """
    picks = sum(line["event"] == "step" for line in done)
    rewritten = sum(line["bytes_written"] for line in done if line["event"] == "result") / 1e6
    print(f"compacted      {picks} picks by a third process meanwhile, {rewritten:.1f} MB written")
    compacted = [info.id for info in table.history() if info.kind == "COMPACT"]
    if not compacted:
        raise SystemExit("the compacting process has committed nothing")
    before, after = table.at(snapshot=compacted[-1] - 1), table.at(snapshot=compacted[-1])
    slow, rows = timed_read(before)
    fast, same = timed_read(after)
    if rows != same:
        raise SystemExit(f"a compaction has made {same:,} rows of {rows:,}")
    print(f"read before    {rows:,} rows of {len(before.files())} files in {slow:.2f} s, merged")
    print(f"read after     {same:,} rows of {len(after.files())} files in {fast:.2f} s")


def timed_read(table: ts.Table) -> tuple[float, int]:
    """Seconds of a read of all rows, the better of two, and their number."""
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        rows = table.to_arrow().num_rows
        seconds.append(time.perf_counter() - started)
    return min(seconds), rows


class Run:
    """A process that writes, one that compacts from the middle of the year on, and reads here.

    Attributes:
        commits: what the writer said of each commit.
        compactions: what the compactor said.
        reads: how often the table was read meanwhile.
    """

    def __init__(self, table: ts.Table, rows_after_each_week: list[int]) -> None:
        self.commits: list[dict[str, Any]] = []
        self.compactions: list[dict[str, Any]] = []
        self.reads = 0
        self._told = 0
        self._table = table
        self._week_of = {rows: week for week, rows in enumerate(rows_after_each_week, start=1)}

    def watch(self) -> None:
        """Run until the writer ends; every read must see whole commits only.

        Raises:
            SystemExit: a process failed, or a read saw a part of a commit.
        """
        with (LAKE / ".writer.jsonl").open("w+") as log, COMPACTIONS.open("w+") as told:
            writer = subprocess.Popen([sys.executable, __file__, "--write"], stdout=log)
            compactor = None
            try:
                while writer.poll() is None:
                    time.sleep(_PAUSE_SECONDS)
                    if self._read() >= _COMPACT_FROM_WEEK and compactor is None:
                        compactor = subprocess.Popen(COMPACT, stdout=told)
                compactor = compactor or subprocess.Popen(COMPACT, stdout=told)
                while not told.tell() and compactor.poll() is None:
                    time.sleep(_PAUSE_SECONDS)  # a slow start: it gets to commit once
                    told.seek(0, 2)
            finally:
                if compactor is not None:
                    compactor.terminate()  # SIGTERM: what is done is committed, then it ends
                    compactor.wait()
            codes = writer.returncode, compactor and compactor.returncode
            if any(codes):
                raise SystemExit(f"exit codes {codes} of the writer and the compactor")
            self.commits, self.compactions = _lines(log), _lines(told)

    def _read(self) -> int:
        """Read the table and check it; gives the week that it has come to."""
        if self._table.snapshot_id is None:
            return 0
        statuses = self._table.to_arrow(columns=["status"])["status"].value_counts().to_pylist()
        counts = {entry["values"]: entry["counts"] for entry in statuses}
        rows = sum(counts.values())
        if rows not in self._week_of:
            raise SystemExit(f"a read saw {rows:,} rows, which is the state after no commit")
        self.reads += 1
        week = self._week_of[rows]
        if week >= self._told + 8:
            self._told = week
            state = ", ".join(f"{counts.get(name, 0):,} {name}" for name in sorted(counts))
            print(f"  week {week:2}: {state}", flush=True)
        return week


def _lines(log: IO[str]) -> list[dict[str, Any]]:
    log.seek(0)
    return [json.loads(line) for line in log]


def check(found: pd.DataFrame, *, commits: int, weeks: int) -> list[str]:
    """What differs between the table and what pandas makes of the same CSV file."""
    import pandas as pd

    from flight_events import open_csv

    flights = pd.read_csv(open_csv())
    flights["scheduled"] = pd.to_datetime(flights[["year", "month", "day", "hour", "minute"]])
    cancelled = flights[flights["dep_time"].isna()]
    flown = flights[flights["dep_time"].notna()]
    key = ["scheduled", "carrier", "flight"]
    pairs = {
        "commits": (commits, weeks),
        "rows": (len(found), len(flown)),
        "keys": (len(found.merge(flown[key], on=key)), len(flown)),
        "cancelled flights": (len(found.merge(cancelled[key], on=key)), 0),
        "sum of dep_delay": (int(found["dep_delay"].sum()), int(flown["dep_delay"].sum())),
        "sum of arr_delay": (int(found["arr_delay"].sum()), int(flown["arr_delay"].sum())),
        "flights that arrived": (
            int((found["status"] == "arrived").sum()),
            int(flown["arr_delay"].notna().sum()),
        ),
    }
    return [
        f"{name}: {ours:,} != {theirs:,}"
        for name, (ours, theirs) in pairs.items()
        if ours != theirs
    ]


def suggest() -> None:
    """What to type next."""
    script = Path(sys.executable).with_name("tablestore")
    command = f"{_short(script) if script.exists() else 'tablestore'} --lake {LAKE}"
    print("\nnext:")
    print(f"  {command} describe {TABLE}")
    print(f"  {command} history {TABLE} -n 5")
    print(f"""  {command} head {TABLE} --where "month = 7 and dep_delay > 600" \\
      --columns carrier,flight,dest,dep_delay""")
    print(f"  {command} head {TABLE} --at 10 --json")
    print(f"  {command} compact {TABLE} --dry-run")
    print(f"  {command} files {TABLE}")


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    main()
