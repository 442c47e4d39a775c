"""The rows of changelog files: changes with their kinds, in the order of the file, never merged.

Source: ``org.apache.paimon.table.source.KeyValueTableRead``, ``operation.RawFileSplitRead``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from tablestore.datafile.layout import KIND_FIELD
from tablestore.runs.data_file import FileRequest, read_data_file

if TYPE_CHECKING:
    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.snapshot import Snapshot
    from tablestore.read.view import TableView


def changelog_files(view: TableView, snapshot: Snapshot) -> list[ManifestEntry]:
    """The changelog files of a snapshot, or of one that expired and left its changelog.

    Raises:
        CorruptDataError: a manifest is damaged.
    """
    return view.state.manifests.changelog(snapshot)


def read_changes(view: TableView, entry: ManifestEntry) -> Iterator[pa.RecordBatch]:
    """The rows of a changelog file.

    Args:
        view: the table, whose columns are given.
        entry: the file.

    Yields:
        its columns, and behind them ``_VALUE_KIND``: 0 +I, 1 -U, 2 +U, 3 -D.

    Raises:
        CorruptDataError: the file is missing or damaged.
        UnsupportedFormatError: its format is not read.
    """
    request = FileRequest(
        store=view.state.store,
        key=view.folders.file(entry.partition, entry.bucket, entry.file, view.state.store),
        meta=entry.file,
        schema=view.file_schema(entry.file.schema_id),
        keyed=True,
        fields=(*view.schema.fields, KIND_FIELD),
    )
    yield from read_data_file(request)
