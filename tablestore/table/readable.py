"""What a table is, holds and gives: the half of its verbs that changes nothing."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import pyarrow as pa

from tablestore.errors import InvalidInputError, SnapshotExpiredError, nearest
from tablestore.metadata.branches import branch_names
from tablestore.metadata.tags import Tags
from tablestore.options.units import parse_bytes
from tablestore.predicate.bind import bind
from tablestore.predicate.coerce import to_predicate
from tablestore.predicate.text import to_text
from tablestore.read.plan import plan_read
from tablestore.read.scan import Scan
from tablestore.table.components import Components
from tablestore.table.expired import reading
from tablestore.table.info import Explain, FileInfo, SnapshotInfo, history_of
from tablestore.table.listings import (
    BranchInfo,
    ConsumerInfo,
    ManifestInfo,
    TagInfo,
    branch_store,
    consumers_of,
    is_branch,
    manifests_of,
    tags_of,
)
from tablestore.table.merging import merge_rules
from tablestore.table.moment import find_snapshot
from tablestore.table.pressure import BucketInfo, TablePressure, buckets_of, pressure_of

if TYPE_CHECKING:
    import pandas
    import polars

    from tablestore.format.snapshot import Snapshot
    from tablestore.predicate.coerce import Where
    from tablestore.read.view import TableView
    from tablestore.table.report import Report

_THREADS_MAX: Final = 4
"""Threads of a read; more mostly wait for one another."""


T = TypeVar("T")
_PLANS_MAX: Final = 3
"""Plans of a read, each of the snapshot that is the latest one then."""


class ReadableTable:
    """One table, at its latest snapshot or pinned to one by ``at``; see ``Table``."""

    def __init__(
        self, components: Components, pinned: Snapshot | None = None, tag: str | None = None
    ) -> None:
        self._parts = components
        self._pinned = pinned
        self._tag = tag
        self._view = components.opened() if pinned is None else components.view(pinned)

    # -- what it is ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """``db.table``, or the folder's name."""
        return self._parts.name

    @property
    def path(self) -> str:
        """Path or URI of the table's folder."""
        return self._parts.store.uri

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        return self._view.arrow_schema

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Columns of the primary key; empty for append tables."""
        return self._view.schema.primary_keys

    @property
    def partition_by(self) -> tuple[str, ...]:
        """Partition columns."""
        return self._view.schema.partition_keys

    @property
    def options(self) -> dict[str, str]:
        """Table options as stored."""
        return dict(self._view.schema.options)

    @property
    def comment(self) -> str | None:
        """The table's comment."""
        return self._view.schema.comment

    @property
    def columns(self) -> dict[str, str]:
        """Column names with their SQL types."""
        return {field.name: field.type.sql() for field in self._view.schema.fields}

    @property
    def snapshot_id(self) -> int | None:
        """Id of the snapshot that a read would see now; None for a table without commits."""
        snapshot = self._pinned or self._parts.state.snapshots.latest()
        return None if snapshot is None else snapshot.id

    def __repr__(self) -> str:
        key = f", primary key ({', '.join(self.primary_key)})" if self.primary_key else ""
        pinned = f" at snapshot {self._pinned.id}" if self._pinned else ""
        return f"Table({self.name}{pinned}: {len(self.columns)} columns{key})"

    def _repr_html_(self) -> str:
        import html

        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{html.escape(kind)}</td></tr>"
            for name, kind in self.columns.items()
        )
        return f"<p>{html.escape(repr(self))}</p><table>{rows}</table>"

    # -- read ------------------------------------------------------------------------------------

    def to_arrow(
        self,
        columns: Sequence[str] | None = None,
        where: Where = None,
        limit: int | None = None,
    ) -> pa.Table:
        """The selected rows as one Arrow table.

        Args:
            columns: which columns, in this order; all by default.
            where: SQL text, ``ts.col("a") > 3`` or a pyarrow expression; see ``to_batches``.
            limit: give at most so many rows, whichever come first.
        """
        scan = self._scan(columns, where, limit, None)
        return pa.Table.from_batches(self._batches(scan), schema=scan.schema)

    def to_batches(
        self,
        columns: Sequence[str] | None = None,
        where: Where = None,
        limit: int | None = None,
        memory: str | int | None = None,
        dictionaries: Sequence[str] = (),
    ) -> Iterator[pa.RecordBatch]:
        """The selected rows as a stream of record batches.

        The order of rows is not defined. A filter is pushed to partitions, buckets, manifests, key
        statistics and row groups, and applied exactly.

        Args:
            columns: which columns, in this order; all by default.
            where: SQL text, ``ts.col("a") > 3`` or a pyarrow expression.
            limit: give at most so many rows.
            memory: bytes for rows on their way ("256 MB"): batches are smaller where many runs
                merge, and runs whose open files would take too much are put aside in the local
                temporary folder (TMPDIR) first.
            dictionaries: text columns to give as dictionaries; faster where few values repeat.

        Raises:
            InvalidInputError: an unknown column, or a filter that does not fit the columns.
            CorruptDataError: a file of the table is damaged.
            UnsupportedFormatError: the table uses a feature that cannot be read yet.
            SnapshotExpiredError: the snapshot was expired before all rows were read.
        """
        scan = self._scan(columns, where, limit, memory)
        return self._batches(scan.with_dictionaries(dictionaries))

    def to_pandas(
        self, columns: Sequence[str] | None = None, where: Where = None, limit: int | None = None
    ) -> pandas.DataFrame:
        """The selected rows as a pandas data frame (pandas must be installed)."""
        return self.to_arrow(columns, where, limit).to_pandas()

    def to_polars(
        self, columns: Sequence[str] | None = None, where: Where = None, limit: int | None = None
    ) -> polars.DataFrame:
        """The selected rows as a polars data frame.

        Raises:
            InvalidInputError: polars is not installed.
        """
        try:
            import polars
        except ImportError:
            raise InvalidInputError("to_polars needs polars: pip install polars") from None
        frame: Any = polars.from_arrow(self.to_arrow(columns, where, limit))
        return frame  # type: ignore[no-any-return]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        scan = self._scan(None, None, None, None)
        reader = pa.RecordBatchReader.from_batches(scan.schema, self._batches(scan))
        return reader.__arrow_c_stream__(requested_schema)

    def at(
        self,
        *,
        snapshot: int | None = None,
        tag: str | None = None,
        timestamp: str | dt.datetime | None = None,
        ago: str | dt.timedelta | None = None,
        watermark: int | str | dt.datetime | None = None,
    ) -> Self:
        """The table pinned to a snapshot; it can be read, not written.

        Args:
            snapshot: a snapshot id.
            tag: the name of a tag; what it keeps is there when its snapshot has expired, too.
            timestamp: the newest snapshot that is not younger (ISO text or datetime; UTC where no
                zone is named).
            ago: the same, counted back from now ("2h").
            watermark: the first snapshot whose watermark has reached an event time (epoch
                milliseconds, ISO text or datetime).

        Raises:
            NotFoundError: there is no such snapshot, or no such tag.
            SnapshotExpiredError: the snapshot is not kept any longer.
        """
        if tag is not None and (snapshot, timestamp, ago, watermark) == (None,) * 4:
            return type(self)(self._parts, Tags(self._parts.store).load(tag).snapshot, tag)
        found = find_snapshot(
            self._parts.state,
            self.name,
            snapshot=snapshot,
            tag=tag,
            timestamp=timestamp,
            ago=ago,
            watermark=watermark,
        )
        return type(self)(self._parts, found)

    def _current(self) -> TableView:
        if self._pinned is None:
            self._view = self._parts.view()
        self._view.check()
        return self._view

    def _scan(
        self,
        columns: Sequence[str] | None,
        where: Where,
        limit: int | None,
        memory: str | int | None,
        *,
        cached: bool = True,
    ) -> Scan:
        return self._planned(
            lambda view: self._scan_of(view, columns, where, limit, memory, cached=cached)
        )

    def _planned(self, plan: Callable[[TableView], T]) -> T:
        """A plan of the snapshot; where that was expired meanwhile, of the one that is latest now.

        Raises:
            SnapshotExpiredError: the table is pinned to it, or it happens again and again.
        """
        for _ in range(_PLANS_MAX - 1):
            view = self._current()
            try:
                with self._reading(view):
                    return plan(view)
            except SnapshotExpiredError:
                if self._pinned is not None:
                    raise
        view = self._current()
        with self._reading(view):
            return plan(view)

    def _reading(self, view: TableView) -> AbstractContextManager[None]:
        return reading(view.state, self.name, view.snapshot, self._tag)

    def _batches(self, scan: Scan) -> Iterator[pa.RecordBatch]:
        with self._reading(scan.view):
            yield from scan.batches()

    def _scan_of(
        self,
        view: TableView,
        columns: Sequence[str] | None,
        where: Where,
        limit: int | None,
        memory: str | int | None,
        *,
        cached: bool,
    ) -> Scan:
        names = _column_names(view, columns)
        if limit is not None and (isinstance(limit, bool) or limit < 0):
            raise InvalidInputError(f"limit is a number of rows, found {limit!r}")
        predicate = to_predicate(where)
        bound = None if predicate is None else bind(predicate, view.arrow_schema)
        size = parse_bytes(memory) if isinstance(memory, str) else memory
        rules = merge_rules(view.schema, view.options)
        plan = plan_read(view, bound, cached=cached)
        threads = min(os.cpu_count() or 1, _THREADS_MAX)
        return Scan(view, plan, names, rules, limit, size, threads=threads)

    # -- what is in it ---------------------------------------------------------------------------

    def history(self, limit: int | None = None) -> list[SnapshotInfo]:
        """Its snapshots, newest first.

        Args:
            limit: give at most so many.
        """
        found: list[Snapshot] = []
        for snapshot in self._parts.state.snapshots.history():
            if limit is not None and len(found) >= limit:
                break
            if self._pinned is None or snapshot.id <= self._pinned.id:
                found.append(snapshot)
        return history_of(iter(found))

    def files(self) -> list[FileInfo]:
        """The live data files of the snapshot."""
        return self._planned(_files_of)

    def manifests(self) -> list[ManifestInfo]:
        """The manifests that the lists of the snapshot hold."""
        return self._planned(manifests_of)

    def verify(self, *, deep: bool = False) -> Report:
        """Look at every object that the snapshots, tags and branches refer to; writes nothing.

        Args:
            deep: decode Parquet files a second time with fastparquet and compare the values.

        Returns:
            what was looked at and what is wrong; ``report.ok`` when nothing is.

        Raises:
            InvalidInputError: ``deep`` and fastparquet is not installed.
        """
        from tablestore.table.verify import verify_table

        branches = {} if is_branch(self._parts.store) else self._branches()
        return verify_table(self._parts, branches, deep=deep)

    def tags(self) -> list[TagInfo]:
        """Its tags, by name."""
        return tags_of(self._parts.store)

    def branches(self) -> list[BranchInfo]:
        """Its branches but the main one, by name."""
        found = []
        for name, parts in self._branches().items():
            snapshot = parts.state.snapshots.latest()
            schema = parts.latest_schema(snapshot)
            found.append(BranchInfo(name, None if snapshot is None else snapshot.id, schema.id))
        return found

    def _branches(self) -> dict[str, Components]:
        """The parts of each branch."""
        store = self._parts.store
        names = branch_names(store)
        return {name: Components(self.name, branch_store(store, name)) for name in names}

    def consumers(self) -> list[ConsumerInfo]:
        """The named readers of its stream, by name."""
        return consumers_of(self._parts.store)

    def explain(self, where: Where = None) -> Explain:
        """How a read with this filter would find its rows; opens footers, reads no rows."""
        scan = self._scan(None, where, None, None, cached=False)
        predicate = scan.plan.predicate
        return Explain.of(scan, "" if predicate is None else to_text(predicate))

    def buckets(self) -> list[BucketInfo]:
        """Its buckets with their files, rows, bytes and sorted runs."""
        return buckets_of(self._parts)

    def pressure(self) -> TablePressure:
        """How many sorted runs its buckets have beside the limits of its options."""
        return pressure_of(self._parts)


def _files_of(view: TableView) -> list[FileInfo]:
    plan = plan_read(view, None, waiting=True)
    return [FileInfo.of(view, entry) for bucket in plan.buckets for entry in bucket.files]


def _column_names(view: TableView, columns: Sequence[str] | None) -> tuple[str, ...]:
    known = view.schema.field_names
    if columns is None:
        return tuple(known)
    if isinstance(columns, str):
        raise InvalidInputError(f"columns is a list of names, found the text {columns!r}")
    names = tuple(columns)
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"table {view.name} has no column {name!r}{nearest(str(name), known)}; its columns "
                f"are {', '.join(known)}",
                column=name,
            )
    if len(set(names)) < len(names):
        raise InvalidInputError(f"a column is named twice in {list(names)}")
    return names
