"""Java Paimon as this project's judge: one long-lived process a version (see
`oracle_worker.py`)."""

from __future__ import annotations

import functools
import os
from typing import Any

from tests.support.oracle_values import sql_type
from tests.support.peers import Peers
from tests.support.peers_line import PeerError, Worker


class Java:
    """One version of Java Paimon; every method names a warehouse and a table 'db.name'."""

    def __init__(self, peers: Peers, version: str):
        peers.need(version)
        jars = ":".join(map(str, peers.classpaths[version]))
        self.version = version
        self.worker = Worker(peers.pythons["jpype"], "tests.support.oracle_worker", jars)

    @property
    def name(self) -> str:
        return f"java {self.version}"

    def close(self) -> None:
        self.worker.close()

    def __getattr__(self, op: str) -> Any:
        if op.startswith("_"):
            raise AttributeError(op)
        return functools.partial(self._call, op)

    def _call(self, op: str, warehouse: os.PathLike[str] | str, *, name: str, **arguments: Any):
        return self.worker.call(op, warehouse=str(warehouse), name=name, **arguments)

    def read(
        self,
        warehouse: os.PathLike[str] | str,
        *,
        name: str,
        columns: Any = None,
        snapshot: int | None = None,
    ) -> list[Any]:
        """Rows of a table, now or at a snapshot; its schema must be `columns` when they are
        given."""
        options = {} if snapshot is None else {"scan.snapshot-id": snapshot}
        if columns is not None:
            have = [(c, sql_type(t)) for c, t in self.columns(warehouse, name=name)]
            want = [(c, sql_type(t)) for c, t in columns]
            if have != want:
                raise PeerError(f"the schema is {have}, expected {want}")
        return self._call("read", warehouse, name=name, options=options)


class ArrowPeer:
    """pypaimon or pypaimon-rust: reads only, in an environment of its own."""

    def __init__(self, peers: Peers, name: str):
        peers.need(name)
        self.name = name
        self.worker = Worker(peers.pythons[name], f"tests.support.peers_{name}")

    def close(self) -> None:
        self.worker.close()

    def read(
        self,
        warehouse: os.PathLike[str] | str,
        *,
        name: str,
        columns: Any,
        snapshot: int | None = None,
    ) -> list[Any]:
        arguments = {"name": name, "columns": columns, "snapshot": snapshot}
        return self.worker.call("read", warehouse=str(warehouse), **arguments)
