"""A warehouse folder as a catalog: ``warehouse/db.db/table``.

Source: ``org.apache.paimon.catalog.FileSystemCatalog``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tablestore.catalog.names import check_name, split_name
from tablestore.datafile.formats import check_storable
from tablestore.errors import AlreadyExistsError, InvalidInputError, NotFoundError, nearest
from tablestore.metadata.new_schema import new_table_schema
from tablestore.options.table import TableOptions
from tablestore.runs.file_index import check_file_indexes
from tablestore.store.registry import Storage, open_store
from tablestore.store.s3_options import is_storage_option
from tablestore.table.components import Components, table_name
from tablestore.table.listings import branch_store
from tablestore.table.merging import merge_rules
from tablestore.table.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

    from tablestore.format.schema import TableSchema
    from tablestore.store.metered import Metered

_SUFFIX = ".db"
_FIRST_SCHEMA = "schema/schema-0"


def connect(uri: str, *, storage_options: Mapping[str, Any] | None = None) -> Lake:
    """A lake: a folder or bucket that holds databases of tables.

    Args:
        uri: path or URI of the warehouse; a local folder is created by the first table.
        storage_options: how to reach a remote lake. For ``s3://``: ``key``, ``secret``, ``token``,
            ``endpoint_url``, ``region`` …, in the words of s3fs, Paimon, pyiceberg or delta-rs, or
            ``credentials``, a function that gives the first three (and ``expires_at``) and is
            called again when they expire. For other schemes those of their fsspec file system.

    Raises:
        InvalidInputError: an option is unknown or wrong, or two contradict each other.
    """
    return Lake(str(uri), storage_options)


def open_table(
    path: str,
    *,
    branch: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Table:
    """The table in a folder.

    Args:
        path: path or URI of the table's folder.
        branch: name of a branch; the main one by default.
        storage_options: see ``connect``.

    Raises:
        NotFoundError: there is no table, or no such branch.
    """
    store = open_store(str(path), storage_options)
    return _open_branch(table_name(store.uri), store, branch)


def _open_branch(name: str, store: Metered, branch: str | None) -> Table:
    found = branch_store(store, branch)
    return Table(Components(name if found is store else f"{name}$branch_{branch}", found))


class Lake:
    """The databases and tables of one warehouse. May be shared between threads."""

    def __init__(self, uri: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self._storage = Storage(uri, storage_options)
        self._store = self._storage.store()

    @property
    def uri(self) -> str:
        """Path or URI of the warehouse."""
        return self._store.uri

    def __repr__(self) -> str:
        return f"Lake({self.uri})"

    # -- databases -------------------------------------------------------------------------------

    def databases(self) -> list[str]:
        """Names of all databases, sorted."""
        return sorted(
            info.name.removesuffix(_SUFFIX)
            for info in self._store.list("")
            if info.is_folder and info.name.endswith(_SUFFIX)
        )

    def create_database(self, name: str, *, if_not_exists: bool = False) -> None:
        """Create an empty database.

        Raises:
            AlreadyExistsError: it exists.
        """
        folder = _database_folder(name)
        if self._store.has_folder(folder):
            if if_not_exists:
                return
            raise AlreadyExistsError(f"database {name} exists already", database=name)
        self._store.make_folder(folder)

    def drop_database(self, name: str, *, cascade: bool = False, if_exists: bool = False) -> None:
        """Remove a database.

        Args:
            name: of the database.
            cascade: remove its tables and their data, too.
            if_exists: a missing database is no error.

        Raises:
            NotFoundError: there is none of that name.
            InvalidInputError: it has tables and ``cascade`` is not set.
        """
        folder = _database_folder(name)
        if not self._store.has_folder(folder):
            if if_exists:
                return
            raise self._no_database(name)
        tables = self.tables(name)
        if tables and not cascade:
            raise InvalidInputError(
                f"database {name} has {len(tables)} tables; pass cascade=True to drop them with "
                "their data",
                database=name,
            )
        self._store.delete_folder(folder)

    # -- tables ----------------------------------------------------------------------------------

    def tables(self, database: str | None = None) -> list[str]:
        """Names of tables as ``db.table``, sorted; of all databases by default.

        Raises:
            NotFoundError: there is no such database.
        """
        if database is None:
            return [table for name in self.databases() for table in self.tables(name)]
        folder = _database_folder(database)
        found = sorted(
            f"{database}.{info.name}"
            for info in self._store.list(folder)
            if info.is_folder and self._is_table(f"{folder}/{info.name}")
        )
        if not found and not self._store.has_folder(folder):
            raise self._no_database(database)
        return found

    def _is_table(self, folder: str) -> bool:
        return self._store.head(f"{folder}/{_FIRST_SCHEMA}") is not None

    def create_table(
        self,
        name: str,
        schema: pa.Schema | Mapping[str, Any] | None = None,
        *,
        primary_key: Sequence[str] | str = (),
        partition_by: Sequence[str] | str = (),
        options: Mapping[str, object] | None = None,
        comment: str | None = None,
        like: object = None,
        if_not_exists: bool = False,
    ) -> Table:
        """Create a table; its database is created when it is missing.

        Args:
            name: ``db.table``.
            schema: an Arrow schema, or column names with SQL types such as "BIGINT NOT NULL".
            primary_key: columns that identify a row; without them the table is append-only.
            partition_by: columns whose values become folders.
            options: Paimon table options. A primary-key table without ``bucket`` gets one bucket.
            comment: the table's comment.
            like: anything Arrow whose schema is taken, in place of ``schema``.
            if_not_exists: give the existing table, whatever its schema.

        Raises:
            AlreadyExistsError: the table exists.
            InvalidInputError: a name, column or option is wrong; nothing was created.
        """
        folder = _table_folder(name)
        if (schema is None) == (like is None):
            raise InvalidInputError(f"table {name!r}: give schema or like=, exactly one of them")
        _check_no_secrets(name, options or {})
        new = new_table_schema(
            name,
            schema if like is None else like,
            _names(primary_key),
            _names(partition_by),
            {key: option_text(value) for key, value in (options or {}).items()},
            comment,
            int(time.time() * 1000),
        )
        _check_columns(name, new)
        components = self._components(name, folder)
        exists = components.state.schemas.find(0) is not None
        if not exists:
            components.store.prove()
        if exists or not components.state.schemas.create(new):
            if if_not_exists:
                return Table(components)
            raise AlreadyExistsError(f"table {name} exists already", table=name)
        return Table(components)

    def table(self, name: str, *, branch: str | None = None) -> Table:
        """An existing table by ``db.table``.

        Args:
            name: ``db.table``.
            branch: name of a branch; the main one by default.

        Raises:
            NotFoundError: there is none of that name; the message has the nearest one.
        """
        components = self._components(name, _table_folder(name))
        try:
            table = Table(components)
        except NotFoundError:
            raise self._no_table(name) from None
        return table if branch is None else _open_branch(name, components.store, branch)

    def __getitem__(self, name: str) -> Table:
        return self.table(name)

    def drop_table(self, name: str, *, if_exists: bool = False) -> None:
        """Remove a table with all its data and history.

        Raises:
            NotFoundError: there is none of that name.
        """
        folder = _table_folder(name)
        if not self._is_table(folder):
            if if_exists:
                return
            raise self._no_table(name)
        self._store.delete_folder(folder)

    def rename_table(self, old: str, new: str) -> None:
        """Give a table another name, or move it to another database.

        Raises:
            NotFoundError: there is no table ``old``.
            AlreadyExistsError: there is a table ``new``.
        """
        source, target = _table_folder(old), _table_folder(new)
        if not self._is_table(source):
            raise self._no_table(old)
        if self._store.has_folder(target):
            raise AlreadyExistsError(f"table {new} exists already", table=new)
        self._store.make_folder(_database_folder(split_name(new)[0]))
        self._store.rename_folder(source, target)

    def _components(self, name: str, folder: str) -> Components:
        return Components(name, self._storage.store(folder))

    def _no_database(self, name: str) -> NotFoundError:
        return NotFoundError(
            f"there is no database {name} in {self.uri}{nearest(name, self.databases())}",
            database=name,
        )

    def _no_table(self, name: str) -> NotFoundError:
        return NotFoundError(
            f"there is no table {name} in {self.uri}{nearest(name, self.tables())}", table=name
        )


def _names(columns: Sequence[str] | str) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns)


def option_text(value: object) -> str:
    """An option's value as Paimon stores it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _database_folder(name: str) -> str:
    return check_name("database", name) + _SUFFIX


def _table_folder(name: str) -> str:
    database, table = split_name(name)
    return f"{database}{_SUFFIX}/{table}"


def _check_no_secrets(name: str, options: Mapping[str, object]) -> None:
    """Refuse options of the storage: a table's options are read by all who read the table.

    Raises:
        InvalidInputError: names the option, not its value.
    """
    for word in options:
        if is_storage_option(str(word)):
            raise InvalidInputError(
                f"table {name!r}: {word!r} is an option of the storage, and would be stored in the "
                "table for every reader: give it to connect() as storage_options",
                option=str(word),
            )


def _check_columns(name: str, schema: TableSchema) -> None:
    """Refuse columns that the table's files or indexes cannot hold, or that cannot be merged.

    Raises:
        InvalidInputError: names the table and the column.
    """
    options = TableOptions.parse(schema.options, has_primary_key=bool(schema.primary_keys))
    try:
        for file_format in options.formats:
            check_storable(file_format, schema.fields)
        if schema.primary_keys:
            merge_rules(schema, options)
        check_file_indexes(schema.fields, schema.options)
    except InvalidInputError as error:
        raise InvalidInputError(f"table {name!r}: {error}", **error.detail) from None
