"""Builds the parts of one table: the only place that chooses plug-ins."""

from __future__ import annotations

import posixpath
import uuid
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tablestore.commit.committer import Committer
from tablestore.commit.settings import CommitSettings
from tablestore.compact.expire import RecordExpire
from tablestore.errors import NotFoundError, TablestoreError, UnsupportedFormatError
from tablestore.format.schema import TableSchema
from tablestore.format.snapshot import Snapshot
from tablestore.metadata.base import CommittedState, LiveFiles
from tablestore.options.table import TableOptions, check_writable
from tablestore.read.view import TableView
from tablestore.runs.column_types import check_column_types
from tablestore.runs.file_index import FileIndexPlan
from tablestore.store.metered import Metered
from tablestore.table.expiry_gate import ExpiryGate
from tablestore.write.context import WriteContext
from tablestore.write.resequence import resequence

if TYPE_CHECKING:
    from tablestore.lsm.picks import PickState
    from tablestore.metadata.base import BucketId


class Components:
    """One table's store, committed state and the parts made from its schema.

    Attributes:
        picks: what the picker of each bucket remembers from one compaction to the next.

    Args:
        name: ``db.table``, or the folder's name.
        store: rooted at the table.
    """

    def __init__(self, name: str, store: Metered) -> None:
        self.name = name
        self.store = store
        self.state = CommittedState(store)
        self.picks: dict[BucketId, PickState] = {}
        self.expiry = ExpiryGate()

    def latest_schema(self, snapshot: Snapshot | None) -> TableSchema:
        """The newest schema.

        Raises:
            NotFoundError: there is no table.
        """
        floor = 0 if snapshot is None else snapshot.schema_id
        schema = self.state.schemas.latest(floor)
        if schema is None:
            raise NotFoundError(
                f"there is no table at {self.store.uri}: it has no schema/schema-0",
                uri=self.store.uri,
            )
        return schema

    def options(self, schema: TableSchema) -> TableOptions:
        """The options of a schema as values."""
        return TableOptions.parse(schema.options, has_primary_key=bool(schema.primary_keys))

    def opened(self) -> TableView:
        """The columns and options of the table now; asks no more than these need.

        Raises:
            NotFoundError: there is no table.
        """
        schema = self.state.look()
        if schema is None:
            return self.view()
        return TableView(self.name, schema, self.options(schema), None, self.state)

    def view(self, pinned: Snapshot | None = None) -> TableView:
        """The table at a snapshot, by default the latest one at this moment."""
        if pinned is not None:
            latest = self.latest_schema(pinned)
            then = self.state.schemas.load(pinned.schema_id)
            schema = _with_options(then, latest)
            return TableView(self.name, schema, self.options(schema), pinned, self.state)
        snapshot = self.state.snapshots.latest()
        schema = self.latest_schema(snapshot)
        return TableView(self.name, schema, self.options(schema), snapshot, self.state)

    def write_context(self, *, replaces: bool = False, compacts: bool = False) -> WriteContext:
        """The table for a writer.

        Args:
            replaces: the write replaces what is there, so its numbers start at 0.
            compacts: the write compacts what is there, which is checked before.

        Raises:
            UnsupportedFormatError: the table uses what cannot be written yet.
        """
        self.store.prove()
        # The commit finds out whether the known tip is still the latest snapshot.
        snapshots = self.state.snapshots
        snapshot = snapshots.tip() or snapshots.latest(proven=True)
        schema = self.latest_schema(snapshot)
        # a compaction changes no rows, so that the changelog of those that arrive is not its affair
        passed = {"changelog-producer"} if compacts else set()
        written = {key: value for key, value in schema.options.items() if key not in passed}
        check_writable(written, has_primary_key=bool(schema.primary_keys))
        check_column_types(self.name, schema, "writing")
        options = self.options(schema)
        try:
            FileIndexPlan.of(schema.fields, schema.options)
            RecordExpire.of(schema, options)
        except TablestoreError as error:
            raise UnsupportedFormatError(f"table {self.name}: {error}", **error.detail) from None
        keyed = bool(schema.primary_keys)
        live = None
        if not replaces and (keyed or options.bucket > 0):
            live = self.live_files(snapshot)
        return WriteContext(self.name, schema, options, self.store, live)

    def live_files(self, snapshot: Snapshot | None) -> LiveFiles:
        """The files of a snapshot; of the latest one where it was expired meanwhile.

        Raises:
            NotFoundError: the latest snapshot lacks what it refers to.
        """
        while True:
            try:
                return self.state.base.live(snapshot)
            except NotFoundError:
                latest = self.state.snapshots.latest(proven=True)
                if latest == snapshot:
                    raise
                snapshot = latest

    def committer(
        self,
        context: WriteContext,
        user: str | None = None,
        *,
        keep: frozenset[str] = frozenset(),
    ) -> Committer:
        """A committer.

        Args:
            context: the table as the files were written.
            user: the commit user; a fresh one by default, for one batch call.
            keep: names of files that stay where others come to stand for them.
        """
        if user is None:
            prefix = context.options.commit_user_prefix
            user = f"{prefix}_{uuid.uuid4()}" if prefix else str(uuid.uuid4())
        return Committer(
            self.state,
            context.schema,
            user,
            settings=CommitSettings.of(context.options),
            resequence=partial(resequence, context, keep=keep),
        )


def _with_options(then: TableSchema, latest: TableSchema) -> TableSchema:
    """The columns of a snapshot's schema with the options of the latest one (as in Java)."""
    return replace(then, options=latest.options)


def table_name(uri: str) -> str:
    """``db.table`` of a table's folder in a warehouse, else the folder's name."""
    parts = uri.rstrip("/").split("/")
    name = posixpath.basename(uri.rstrip("/"))
    if len(parts) > 1 and parts[-2].endswith(".db"):
        return f"{parts[-2][:-3]}.{name}"
    return name
