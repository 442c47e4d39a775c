"""Schemas: load by id, find the latest without a listing, create.

Source: ``org.apache.paimon.schema.SchemaManager``.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from tablestore.errors import CorruptDataError, NotFoundError, StorageUnavailableError
from tablestore.format.paths import SCHEMA_FOLDER, SCHEMA_PREFIX, numbered, schema_path
from tablestore.format.schema import decode_schema, encode_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from tablestore.format.schema import TableSchema
    from tablestore.store.base import Store


# How long a storage that is far away is not asked again whether there is a newer schema.
_LOOKED_SECONDS: Final = 1.0


class Schemas:
    """The schemas of one table; may be shared between threads.

    Args:
        store: rooted at the table.
        clock: seconds that never go back.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._newest: int | None = None
        self._looked_until = 0.0
        self._trusted = 0.0 if getattr(store, "near", False) else _LOOKED_SECONDS
        self._lock = threading.Lock()
        self._kept: dict[int, TableSchema] = {}

    def load(self, schema_id: int) -> TableSchema:
        """The schema of an id; a schema once read is not read again.

        Raises:
            NotFoundError: there is none.
            CorruptDataError: its file is damaged.
            UnsupportedFormatError: a newer version wrote it.
        """
        found = self.find(schema_id)
        if found is None:
            raise NotFoundError(f"{self._store.uri} has no schema {schema_id}", schema_id=schema_id)
        return found

    def find(self, schema_id: int) -> TableSchema | None:
        """The schema of an id, or None.

        Raises:
            CorruptDataError: its file is damaged, or holds another id.
        """
        kept = self._kept.get(schema_id)
        if kept is not None:
            return kept
        try:
            data = self._store.get(schema_path(schema_id))
        except NotFoundError:
            return None
        return self._keep(schema_id, data)

    def _keep(self, schema_id: int, data: bytes) -> TableSchema:
        name = schema_path(schema_id)
        schema = decode_schema(data, name=name)
        if schema.id != schema_id:
            raise CorruptDataError(
                "schema", name=name, expected=f"id {schema_id}", found=f"id {schema.id}"
            )
        with self._lock:
            self._kept[schema_id] = schema
        return schema

    def latest(self, floor: int = 0) -> TableSchema | None:
        """The newest schema, or None where there is no table.

        A schema that another process adds is seen at once on a local disk or where a snapshot
        names it, else after a second at the latest.

        Args:
            floor: an id that is known to exist, e.g. that of the latest snapshot.

        Cost:
            one request when the newest schema is known already; none within a second where that is
            a request over a network.
        """
        start = max([floor, *self._kept])
        found = self.find(start)
        if found is not None and found.id == self._newest and self._clock() < self._looked_until:
            return found
        if found is None:
            # No table has schemas above a gap, unless its oldest ones were removed by hand.
            newest = max(self._listed_ids(), default=None)
            return None if newest is None else self.find(newest)
        while (after := self.find(found.id + 1)) is not None:
            found = after
        self._note_newest(found)
        return found

    def note(self, first: bytes | None, second: bytes | None) -> TableSchema | None:
        """Keeps what was just read of the first two schemas.

        Args:
            first: the bytes of schema 0.
            second: those of schema 1.

        Returns:
            Schema 0 where it is the newest; None where that is not known from these.

        Raises:
            CorruptDataError: a file is damaged.
        """
        found = None if first is None else self._keep(0, first)
        if second is not None:
            self._keep(1, second)
        if found is None or second is not None:
            return None
        self._note_newest(found)
        return found

    def _note_newest(self, schema: TableSchema) -> None:
        with self._lock:
            self._newest, self._looked_until = schema.id, self._clock() + self._trusted

    def create(self, schema: TableSchema) -> bool:
        """Creates the file of a new schema.

        Returns:
            False when another schema has taken the id.

        Raises:
            StorageUnavailableError: whether the file was created is not known.
        """
        name, data = schema_path(schema.id), encode_schema(schema)
        try:
            created = self._store.put_if_absent(name, data)
        except StorageUnavailableError as error:
            if error.detail.get("landed") is False or not self._holds(name, data):
                raise
            created = True
        if created or self._holds(name, data):
            with self._lock:
                self._kept[schema.id] = schema
            return True
        return False

    def _holds(self, name: str, data: bytes) -> bool:
        """True when the object exists with these bytes: a lost answer was a success."""
        try:
            return self._store.get(name) == data
        except NotFoundError:
            return False

    def _listed_ids(self) -> list[int]:
        listed = self._store.list(SCHEMA_FOLDER)
        ids = (numbered(info.name, SCHEMA_PREFIX) for info in listed)
        return [schema_id for schema_id in ids if schema_id is not None]
