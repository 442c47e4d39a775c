"""336,776 flights streamed into a table by one process while another one reads it.

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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    import tablestore as ts

LAKE = Path("demo-lake")
MARK = LAKE / ".made-by-the-flights-demo"
TABLE = "air.flights"
_PAUSE_SECONDS = 0.25


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
    """Starts the writer, reads meanwhile, checks the end against pandas and prints the figures."""
    import tablestore as ts
    from flight_events import KEY, SCHEMA, load_flights, make_events

    began = time.perf_counter()
    clean()
    LAKE.mkdir()
    MARK.touch()
    lake = ts.connect(str(LAKE))
    table = lake.create_table(
        TABLE,
        SCHEMA,
        primary_key=KEY,
        partition_by=["month"],
        options={"bucket": "2"},
        comment="flights that left New York in 2013",
    )
    flights = load_flights()
    events = make_events(flights)
    print(f"{flights.num_rows:,} flights, {events.table.num_rows:,} events, one commit a week")

    log = LAKE / ".writer.jsonl"
    with log.open("w") as sink:
        writer = subprocess.Popen([sys.executable, __file__, "--write"], stdout=sink)
        reads = watch(table, writer, events.rows_after_each_week())
    commits = [json.loads(line) for line in log.read_text().splitlines()]
    if writer.returncode != 0:
        raise SystemExit(f"the writer failed with exit code {writer.returncode}")

    written = sum(commit["events"] for commit in commits)
    busy = sum(commit["seconds"] for commit in commits)
    started = time.perf_counter()
    found = table.to_pandas()
    read_seconds = time.perf_counter() - started
    problems = check(found, commits=len(commits), weeks=len(events.rows_after_each_week()))
    print(f"commits        {len(commits)} by another process, snapshot {table.snapshot_id}")
    print(f"written        {written:,} events in {busy:.1f} s, {written / busy:,.0f} rows/s")
    share = events.share_reaching_back()
    print(f"reaching back  {share:.1%} of the updates change a row of an earlier commit")
    print(f"read meanwhile {reads} times, each time the rows of a whole number of weeks")
    print(f"files          {len(table.files())} data files")
    print(f"read at last   {len(found):,} rows in {read_seconds:.2f} s, merged as they are read")
    print(f"all            {time.perf_counter() - began:.1f} s")
    if problems:
        raise SystemExit("NOT equal to pandas: " + "; ".join(problems))
    print("equal to pandas: row count, sums of delays, no cancelled flight")
    suggest()


def watch(table: ts.Table, writer: subprocess.Popen[bytes], expected: list[int]) -> int:
    """Reads the table until the writer ends; every read must see whole commits only."""
    week_of = {rows: week for week, rows in enumerate(expected, start=1)}
    reads = last = 0
    while writer.poll() is None:
        time.sleep(_PAUSE_SECONDS)
        if table.snapshot_id is None:
            continue
        statuses = table.to_arrow(columns=["status"])["status"].value_counts().to_pylist()
        counts = {entry["values"]: entry["counts"] for entry in statuses}
        rows = sum(counts.values())
        if rows not in week_of:
            raise SystemExit(f"a read saw {rows:,} rows, which is the state after no commit")
        reads += 1
        if week_of[rows] >= last + 8:
            last = week_of[rows]
            state = ", ".join(f"{counts.get(name, 0):,} {name}" for name in sorted(counts))
            print(f"  week {last:2}: {state}", flush=True)
    return reads


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
    print(f"  {command} files {TABLE}")


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    main()
