"""A process that holds one Java Paimon: a JSON line in, a JSON line out.

    python -m tests.support.oracle_worker JAR[:JAR…]

Request: {"op": name, "warehouse": path, ...}; answer: {"value": …} or {"error": text}.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import jpype

from tests.support import (
    differential_java,
    oracle_aggregates,
    oracle_append,
    oracle_expire,
    oracle_operations,
    oracle_partial_update,
    oracle_picks,
    oracle_rare,
)
from tests.support.oracle_java import Paimon
from tests.support.peers_line import serve


def java_error(problem: BaseException) -> str:
    """Java's own sentence, down to the root cause."""
    if not isinstance(problem, jpype.JException):
        return f"{type(problem).__name__}: {problem}"
    sentences = []
    cause = problem
    while cause is not None and len(sentences) < 6:
        sentences.append(str(cause.toString()).split("\n")[0][:300])
        cause = cause.getCause()
    return " <- ".join(sentences)


class Service:
    """The operations, each on a table of one warehouse."""

    def __init__(self, jars: list[str]):
        self.jars = jars
        self.catalogs: dict[str, Paimon] = {}

    def catalog(self, warehouse: str) -> Paimon:
        if warehouse not in self.catalogs:
            self.catalogs[warehouse] = Paimon(self.jars, warehouse)
        return self.catalogs[warehouse]

    def __call__(self, op: str, warehouse: str, **arguments):
        p = self.catalog(warehouse)
        own: dict[str, Callable] = {
            "history": self.history,
            "columns": self.columns,
            "picks": self.picks,
            "aggregates": self.aggregates,
            "partial_updates": self.partial_updates,
            "rare": oracle_rare.make,
            "append_tables": self.append_tables,
            "expiry": oracle_expire.run,
        }
        if op in own:
            return own[op](p, **arguments)
        if op in differential_java.OPERATIONS:
            return differential_java.OPERATIONS[op](p, **arguments)
        if op in (
            "read",
            "write",
            "filters",
            "follow",
            "snapshots",
            "schema",
            "expected",
            "create",
            "evolve",
            "set_option",
            "compact_append",
        ):
            options = arguments.pop("options", None) if op != "create" else None
            return getattr(p, op)(**arguments, **(options or {}))
        raise ValueError(f"no operation {op}")

    @staticmethod
    def history(p: Paimon, name: str, seed: int, scope: str = "plain"):
        made = oracle_operations.run(p, name, seed, scope)
        return {**made, "snapshots": p.expected(name)}

    @staticmethod
    def picks(p: Paimon, name: str, cases: list):
        """What Java's pickers decide; `name` is the kind of the cases."""
        return oracle_picks.run(p, name, cases)

    @staticmethod
    def aggregates(p: Paimon, name: str, cases: list):
        """What Java's aggregate functions give; `name` is the kind of the cases."""
        return oracle_aggregates.run(p, name, cases)

    @staticmethod
    def partial_updates(p: Paimon, name: str, cases: list):
        """What Java's partial-update gives; `name` is the kind of the cases."""
        return oracle_partial_update.run(p, name, cases)

    @staticmethod
    def append_tables(p: Paimon, name: str, what: str, **arguments):
        """What jobs on append tables do; `what` is the kind of the job."""
        return oracle_append.run(p, name, what, **arguments)

    @staticmethod
    def columns(p: Paimon, name: str):
        return p.types(p.table(name))


if __name__ == "__main__":
    serve(Service(sys.argv[1].split(":")), java_error, Paimon.clean)
