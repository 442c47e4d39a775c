"""One of several processes that commit to one table at once.

    python -m tests.support.racer URI OPTIONS_AS_JSON NAME COMMITS

Prints a JSON line for each commit: what was acknowledged.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import tablestore as ts

CHECKOUT = Path(__file__).resolve().parents[2]
COLUMNS = {"id": "BIGINT NOT NULL", "who": "STRING"}
OPTIONS = {"bucket": "1", "write-only": "true"}


@dataclass
class Race:
    """What came of it.

    Attributes:
        acknowledged: snapshot ids that a process was told of.
        rows: ids of the rows in acknowledged commits.
        read: the rows that a new reader finds.
        history: snapshot ids that a new reader finds.
        refused: errors in words.
    """

    acknowledged: list[int] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)
    read: Counter[int] = field(default_factory=Counter)
    history: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def lost(self) -> set[int]:
        """Rows that were acknowledged and are not read."""
        return self.rows - set(self.read)


def race(uri: str, options: dict[str, str], *, processes: int, commits: int) -> Race:
    """Lets processes upsert into one bucket of a new table, each row by a commit of its own."""
    lake = ts.connect(uri, storage_options=options)
    lake.create_table("db.race", COLUMNS, primary_key="id", options=OPTIONS)
    racers = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.support.racer"),
                *(uri, json.dumps(options), str(n), str(commits)),
            ],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for n in range(processes)
    ]
    found = Race()
    for racer in racers:
        told, _ = racer.communicate()
        for line in told.splitlines():
            _note(found, line)
    table = ts.open_table(f"{uri}/db.db/race", storage_options=options)
    found.read = Counter(table.to_arrow()["id"].to_pylist())
    found.history = [snapshot.id for snapshot in table.history()]
    return found


def _note(found: Race, line: str) -> None:
    try:
        said = json.loads(line)
    except ValueError:
        found.refused.append(line)
        return
    found.acknowledged += said["snapshots"]
    found.rows.add(said["id"])


def main(uri: str, options: str, name: str, commits: str) -> None:
    """Commits rows one by one."""
    table = ts.open_table(f"{uri}/db.db/race", storage_options=json.loads(options))
    for n in range(int(commits)):
        row = int(name) * 1_000_000 + n
        result = table.upsert([{"id": row, "who": name}])
        sys.stdout.write(json.dumps({"id": row, "snapshots": list(result.snapshot_ids)}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
