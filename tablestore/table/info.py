"""What a table tells about itself, as values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tablestore.format.binary_row import Timestamp, decode_row
from tablestore.types.html import HtmlFields
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.snapshot import Snapshot
    from tablestore.read.scan import Scan
    from tablestore.read.view import TableView
    from tablestore.types.model import DataType

UTC = dt.UTC


@dataclass(frozen=True, repr=False)
class SnapshotInfo(HtmlFields):
    """One committed snapshot.

    Attributes:
        id: its number, counted from 1.
        time: when it was committed (UTC).
        kind: APPEND, COMPACT, OVERWRITE or ANALYZE.
        total_rows: physical rows, older versions and deletes included.
        delta_rows: physical rows added minus removed by this commit.
        schema_id: the table's schema at that time.
        user: commit user.
        identifier: the user's number of the commit; 2**63-1 for batch commits.
        watermark: event time up to which data is complete, epoch milliseconds, or None.
        operation: the verb behind the commit, where it was recorded.
        properties: what the writer stored with it.
    """

    id: int
    time: dt.datetime
    kind: str
    total_rows: int
    delta_rows: int
    schema_id: int
    user: str
    identifier: int
    watermark: int | None
    operation: str | None
    properties: dict[str, str]

    def __repr__(self) -> str:
        return (
            f"Snapshot({self.id}, {self.kind}, {self.time:%Y-%m-%d %H:%M:%S}, "
            f"{self.delta_rows:+d} rows, {self.total_rows} in all)"
        )

    @classmethod
    def of(cls, snapshot: Snapshot) -> SnapshotInfo:
        """The public view of a snapshot."""
        return cls(
            snapshot.id,
            dt.datetime.fromtimestamp(snapshot.time_millis / 1000, UTC),
            snapshot.commit_kind,
            snapshot.total_record_count or 0,
            snapshot.delta_record_count or 0,
            snapshot.schema_id,
            snapshot.commit_user,
            snapshot.commit_identifier,
            snapshot.watermark,
            snapshot.operation,
            dict(snapshot.properties or {}),
        )


@dataclass(frozen=True, repr=False)
class FileInfo(HtmlFields):
    """One live data file.

    Attributes:
        path: key below the table's root.
        partition: values of the partition columns.
        bucket: its bucket.
        level: LSM level; 0 for fresh files.
        rows: physical rows.
        deletes: rows among them that remove a key; None where the writer did not count.
        bytes: size on storage.
        min_key: smallest primary key; empty for append tables.
        max_key: largest primary key.
        min_sequence: lowest sequence number.
        max_sequence: highest sequence number.
        schema_id: schema that it was written with.
    """

    path: str
    partition: dict[str, Any]
    bucket: int
    level: int
    rows: int
    deletes: int | None
    bytes: int
    min_key: tuple[Any, ...]
    max_key: tuple[Any, ...]
    min_sequence: int
    max_sequence: int
    schema_id: int

    def __repr__(self) -> str:
        return f"File({self.path}, level {self.level}, {self.rows} rows, {self.bytes} bytes)"

    @classmethod
    def of(cls, view: TableView, entry: ManifestEntry) -> FileInfo:
        """The public view of a live file."""
        meta, names = entry.file, view.schema.partition_keys
        types = [view.schema.field(name).type for name in names]
        values = plain_values(decode_row(entry.partition, types), types)
        return cls(
            view.folders.file(entry.partition, entry.bucket, meta, view.state.store),
            dict(zip(names, values, strict=True)),
            entry.bucket,
            meta.level,
            meta.row_count,
            meta.delete_row_count,
            meta.file_size,
            plain_values(decode_row(meta.min_key, view.key_types), view.key_types),
            plain_values(decode_row(meta.max_key, view.key_types), view.key_types),
            meta.min_sequence_number,
            meta.max_sequence_number,
            meta.schema_id,
        )


def plain_values(values: tuple[Any, ...], types: Sequence[DataType]) -> tuple[Any, ...]:
    """Decoded row values as Python's own dates and times."""
    return tuple(_plain(value, kind) for value, kind in zip(values, types, strict=True))


def _plain(value: object, kind: DataType) -> object:
    name = kind.name if isinstance(kind, AtomicType) else ""
    if isinstance(value, Timestamp):
        micros = value.millis * 1000 + value.nanos_of_milli // 1000
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=micros)
        return moment.replace(tzinfo=UTC) if name == "TIMESTAMP_LTZ" else moment
    if isinstance(value, int) and name == "DATE":
        try:
            return dt.date(1970, 1, 1) + dt.timedelta(days=value)
        except OverflowError:
            return value
    if isinstance(value, int) and name == "TIME":
        return (dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=value)).time()
    return value


@dataclass(frozen=True, repr=False)
class Explain(HtmlFields):
    """How a read finds its rows: what is left after each pruning step.

    Attributes:
        snapshot_id: the snapshot read, or None for an empty table.
        filter: the filter as text.
        manifests: manifests of the snapshot.
        manifests_read: those left by the statistics of their list.
        files: live files in them.
        files_by_partition: left by the partition.
        files_by_bucket: left by the bucket of the key.
        files_by_key: left by key statistics.
        files_by_value: left by value statistics and by the indexes in their manifest entries.
        files_by_index: left by the index files beside them: these are opened.
        row_groups: row groups of the opened files.
        row_groups_read: those left by their statistics.
        rows: physical rows in the opened files.
        bytes: size of the opened files.
        files_raw: files that are read without a merge.
        files_merged: files that are merged with others.
    """

    snapshot_id: int | None
    filter: str
    manifests: int
    manifests_read: int
    files: int
    files_by_partition: int
    files_by_bucket: int
    files_by_key: int
    files_by_value: int
    files_by_index: int
    row_groups: int
    row_groups_read: int
    rows: int
    bytes: int
    files_raw: int
    files_merged: int

    def __repr__(self) -> str:
        return (
            f"Explain(manifests {self.manifests} > {self.manifests_read}, files {self.files} > "
            f"partition {self.files_by_partition} > bucket {self.files_by_bucket} > key "
            f"{self.files_by_key} > value {self.files_by_value} > index {self.files_by_index}, "
            f"row groups {self.row_groups} > {self.row_groups_read}; {self.files_raw} raw, "
            f"{self.files_merged} merged)"
        )

    @classmethod
    def of(cls, scan: Scan, text: str) -> Explain:
        """Explain a scan; reads the index files and the footers of its files."""
        plan, view = scan.plan, scan.view
        after = plan.funnel.files_after
        opened = scan.opened()
        return cls(
            None if view.snapshot is None else view.snapshot.id,
            text,
            plan.funnel.manifests,
            plan.funnel.manifests_read,
            plan.funnel.files,
            after.get("partition", 0),
            after.get("bucket", 0),
            after.get("key", 0),
            after.get("value", 0),
            opened.files,
            opened.row_groups,
            opened.row_groups_read,
            opened.rows,
            opened.bytes,
            opened.files - opened.merged,
            opened.merged,
        )


def history_of(snapshots: Iterator[Snapshot]) -> list[SnapshotInfo]:
    """The public view of snapshots."""
    return [SnapshotInfo.of(snapshot) for snapshot in snapshots]
