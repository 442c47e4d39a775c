"""The first schema of a table from what a user gives: pure, nothing is stored.

A primary-key table without a ``bucket`` option gets ``bucket=1``, written into its options:
Paimon's own default there (-1, dynamic buckets) is not supported yet.

Source: ``org.apache.paimon.schema.Schema`` (normalisation), ``SchemaValidation``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa

from tablestore.errors import InvalidInputError, nearest
from tablestore.format.schema import TableSchema
from tablestore.metadata.column_options import check_column_options
from tablestore.metadata.default_values import check_default
from tablestore.options.table import TableOptions, check_new_options
from tablestore.options.values import split_names
from tablestore.types.arrow import fields_from_arrow
from tablestore.types.field_ids import assign_ids
from tablestore.types.model import (
    GEO_TYPES,
    UNASSIGNED_ID,
    AtomicType,
    DataField,
    DataType,
    RowType,
    VectorType,
)
from tablestore.types.parse import parse_field

_RESERVED_NAMES: Final = frozenset(
    {"_SEQUENCE_NUMBER", "_VALUE_KIND", "_LEVEL", "rowkind", "_ROW_ID"}
)
_RESERVED_PREFIX: Final = "_KEY_"
_NOT_YET: Final = GEO_TYPES | {"VARIANT", "BLOB"}

# The text of a FLOAT or DOUBLE in a path depends on the JDK; Java's text of bytes is not stable.
_NOT_IN_PARTITIONS: Final = frozenset({"FLOAT", "DOUBLE", "BINARY", "VARBINARY"})


def new_table_schema(
    table_name: str,
    schema: object,
    primary_key: str | Sequence[str] = (),
    partition_by: str | Sequence[str] = (),
    options: Mapping[str, object] | None = None,
    comment: str | None = None,
    time_millis: int = 0,
) -> TableSchema:
    """Schema 0 of a new table: ids given out, keys NOT NULL, options complete.

    Args:
        table_name: for errors.
        schema: a ``pyarrow.Schema``, anything that exports an Arrow schema or stream, or a mapping
            of column names to SQL types such as ``"BIGINT NOT NULL DEFAULT '0' COMMENT 'pieces'"``
            (or to ``DataField`` or ``DataType`` values).
        primary_key: names of columns; also by the option ``primary-key``.
        partition_by: names of columns; also by the option ``partition``.
        options: Paimon table options.
        comment: of the table.
        time_millis: when the table is made.

    Raises:
        InvalidInputError: one sentence that names the table and what is wrong.
    """
    try:
        fields = _columns(schema)
        texts = _option_texts(options or {})
        key = _take_names(texts, "primary-key", primary_key)
        partition = _take_names(texts, "partition", partition_by)
        _check_columns(fields)
        _check_keys(fields, key, partition)
        names = [field.name for field in fields]
        check_new_options(texts, has_primary_key=bool(key), columns=names)
        if key:
            texts.setdefault("bucket", "1")
        _check_buckets(fields, key, partition, texts)
        check_column_options(fields, texts, has_primary_key=bool(key))
        _check_zones(fields, partition, texts)
        _tell_orc_of_instants(fields, texts, has_primary_key=bool(key))
    except InvalidInputError as error:
        raise InvalidInputError(f"table {table_name!r}: {error}", **error.detail) from None
    numbered, highest = assign_ids(
        replace(field, type=field.type.with_nullable(field.type.nullable and field.name not in key))
        for field in fields
    )
    return TableSchema(
        id=0,
        fields=numbered,
        highest_field_id=highest,
        partition_keys=partition,
        primary_keys=key,
        options=texts,
        comment=comment,
        time_millis=time_millis,
    )


def _columns(schema: object) -> tuple[DataField, ...]:
    if isinstance(schema, Mapping):
        return tuple(_column(name, value) for name, value in schema.items())
    if isinstance(schema, pa.Schema):
        return fields_from_arrow(schema)
    if hasattr(schema, "__arrow_c_schema__"):
        return fields_from_arrow(pa.schema(schema))
    if hasattr(schema, "__arrow_c_stream__"):
        return fields_from_arrow(pa.RecordBatchReader.from_stream(schema).schema)
    raise InvalidInputError(
        "the schema must be a pyarrow.Schema, a mapping of column names to SQL types, or Arrow "
        f"data, found {type(schema).__name__}"
    )


def _column(name: object, value: object) -> DataField:
    if not isinstance(name, str):
        raise InvalidInputError(f"a column name must be a text, found {name!r}")
    if isinstance(value, DataField):
        return replace(value, name=name)
    if isinstance(value, DataType):
        return DataField(UNASSIGNED_ID, name, value)
    if not isinstance(value, str):
        raise InvalidInputError(
            f"column {name!r}: expected a SQL type as a text, found {value!r}", column=name
        )
    try:
        return parse_field(name, value)
    except InvalidInputError as error:
        raise InvalidInputError(f"column {name!r}: {error}", column=name) from None


def _option_texts(options: Mapping[str, object]) -> dict[str, str]:
    texts = {}
    for key, value in options.items():
        if isinstance(value, bool):
            texts[key] = str(value).lower()
        elif isinstance(value, (str, int, float)):
            texts[key] = str(value)
        else:
            raise InvalidInputError(f"option {key!r} must be a text, found {value!r}", option=key)
    return texts


def _take_names(options: dict[str, str], key: str, given: str | Sequence[str]) -> tuple[str, ...]:
    """The names given as an argument or as an option, which is taken out of the options.

    Raises:
        InvalidInputError: both are given.
    """
    names = (given,) if isinstance(given, str) else tuple(given)
    text = options.pop(key, None)
    if text is None:
        return names
    if names:
        raise InvalidInputError(f"option {key!r} is given, and so is the argument for it")
    return split_names(text)


# -- columns ------------------------------------------------------------------------------


def _check_columns(fields: Sequence[DataField]) -> None:
    if not fields:
        raise InvalidInputError("a table needs at least one column")
    _check_different("column", [field.name for field in fields])
    for field in fields:
        if field.name in _RESERVED_NAMES or field.name.startswith(_RESERVED_PREFIX):
            raise InvalidInputError(
                f"column name {field.name!r} is reserved for the system", column=field.name
            )
        _check_name(field.name)
        for part in field.type.walk():
            _check_part(field.name, part)
        check_default(field)


def _check_part(column: str, part: DataType) -> None:
    if isinstance(part, VectorType) or (isinstance(part, AtomicType) and part.name in _NOT_YET):
        raise InvalidInputError(
            f"column {column!r}: the type {part} is not supported yet", column=column
        )
    if isinstance(part, RowType):
        if not part.fields:
            raise InvalidInputError(f"column {column!r}: a ROW needs a field", column=column)
        _check_different(f"column {column!r}: field", [field.name for field in part.fields])
        for field in part.fields:
            _check_name(field.name)


def _check_name(name: str) -> None:
    if not name.strip():
        raise InvalidInputError("a column name must not be empty", column=name)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(f"column name {name!r} is not Unicode text") from None


def _check_different(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidInputError(f"{what} {name!r} is there twice", column=name)
        seen.add(name)


# -- keys and partitions ------------------------------------------------------------------


def _check_zones(
    fields: Sequence[DataField], partition: Sequence[str], options: Mapping[str, str]
) -> None:
    if options.get("partition.legacy-name", "true").strip().lower() != "false":
        return
    for field in fields:
        kind = field.type
        zoned = isinstance(kind, AtomicType) and kind.name == "TIMESTAMP_LTZ"
        if zoned and field.name in partition:
            raise InvalidInputError(
                f"partition column {field.name!r} has the type {kind}, whose directory names "
                "depend on the zone of the engine with 'partition.legacy-name' = 'false'; leave "
                "that option out, or use TIMESTAMP",
                column=field.name,
            )


def _tell_orc_of_instants(
    fields: Sequence[DataField], texts: dict[str, str], *, has_primary_key: bool
) -> None:
    """Java reads ORC's TIMESTAMP_LTZ in the zone of its machine unless it is told not to."""
    options = TableOptions.parse(texts, has_primary_key=has_primary_key)
    kinds = {part.name for f in fields for part in f.type.walk() if isinstance(part, AtomicType)}
    if "orc" in options.formats and "TIMESTAMP_LTZ" in kinds:
        texts.setdefault("orc.timestamp-ltz.legacy.type", "false")


def _check_keys(
    fields: Sequence[DataField], primary_key: Sequence[str], partition: Sequence[str]
) -> None:
    types = {field.name: field.type for field in fields}
    _check_key_columns("primary key", primary_key, types)
    _check_key_columns("partition", partition, types)
    for name in partition:
        kind = types[name]
        if isinstance(kind, AtomicType) and kind.name in _NOT_IN_PARTITIONS:
            raise InvalidInputError(
                f"partition column {name!r} has the type {kind}, which has no stable text for a "
                "directory name",
                column=name,
            )
    if not primary_key:
        return
    missing = [name for name in partition if name not in primary_key]
    if missing:
        raise InvalidInputError(
            f"the primary key ({', '.join(primary_key)}) must contain the partition column "
            f"{missing[0]!r}",
            column=missing[0],
        )
    if set(primary_key) == set(partition):
        raise InvalidInputError(
            "the primary key must have a column beside the partition columns "
            f"({', '.join(partition)})"
        )


def _check_key_columns(what: str, names: Sequence[str], types: Mapping[str, DataType]) -> None:
    _check_different(f"{what} column", names)
    for name in names:
        if name not in types:
            raise InvalidInputError(
                f"{what} column {name!r} is not a column of the table{nearest(name, types)}",
                column=name,
            )
        if not isinstance(types[name], AtomicType):
            raise InvalidInputError(
                f"{what} column {name!r} has the nested type {types[name]}; "
                f"a {what} column must have a plain type",
                column=name,
            )


# -- buckets ------------------------------------------------------------------------------


def _check_buckets(
    fields: Sequence[DataField],
    primary_key: Sequence[str],
    partition: Sequence[str],
    texts: dict[str, str],
) -> None:
    options = TableOptions.parse(texts, has_primary_key=bool(primary_key))
    _check_bucket_count(options.bucket, has_primary_key=bool(primary_key))
    if options.bucket < 0:
        _check_without_buckets(options)
        return
    key = options.bucket_key
    if key:
        # Java does not trim the names, so they are stored without spaces
        texts["bucket-key"] = ",".join(key)
        _check_bucket_key(fields, key, primary_key, partition)
    elif not primary_key:
        raise InvalidInputError(
            f"an append table with bucket = {options.bucket} needs the option 'bucket-key'; "
            "leave 'bucket' out for a table without buckets"
        )
    else:
        key = tuple(name for name in primary_key if name not in partition)
    types = {field.name: field.type for field in fields}
    _check_bucket_function(options.bucket_function, {name: types[name] for name in key})


def _check_bucket_count(bucket: int, *, has_primary_key: bool) -> None:
    if bucket > 0 or (bucket == -1 and not has_primary_key):
        return
    kinds = {-1: "dynamic bucket", -2: "postponed bucket"}
    if bucket in kinds:
        raise InvalidInputError(
            f"{kinds[bucket]} is not supported yet; set bucket to a positive number",
            option="bucket",
            value=bucket,
        )
    either = "" if has_primary_key else ", or -1 for no buckets"
    raise InvalidInputError(
        f"option 'bucket' must be a positive number{either}, found {bucket}",
        option="bucket",
        value=bucket,
    )


def _check_without_buckets(options: TableOptions) -> None:
    if options.bucket_key:
        raise InvalidInputError(
            "option 'bucket-key' needs 'bucket' to be a positive number", option="bucket-key"
        )
    if "full-compaction.delta-commits" in options.raw:
        raise InvalidInputError(
            "option 'full-compaction.delta-commits' needs a table with buckets",
            option="full-compaction.delta-commits",
        )


def _check_bucket_key(
    fields: Sequence[DataField],
    key: Sequence[str],
    primary_key: Sequence[str],
    partition: Sequence[str],
) -> None:
    _check_key_columns("bucket-key", key, {field.name: field.type for field in fields})
    for name in key:
        if name in partition:
            raise InvalidInputError(
                f"option 'bucket-key' must not contain the partition column {name!r}", column=name
            )
        if primary_key and name not in primary_key:
            raise InvalidInputError(
                f"option 'bucket-key' names {name!r}, which is not in the primary key "
                f"({', '.join(primary_key)})",
                column=name,
            )


def _check_bucket_function(function: str, key: Mapping[str, DataType]) -> None:
    kinds = {name: kind.name for name, kind in key.items() if isinstance(kind, AtomicType)}
    text = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    detail: dict[str, Any] = {"option": "bucket-function.type", "value": function}
    if function == "mod" and (len(kinds) != 1 or not set(kinds.values()) <= {"INT", "BIGINT"}):
        raise InvalidInputError(
            f"the bucket function 'mod' needs one bucket key of type INT or BIGINT, found {text}",
            **detail,
        )
    if function == "hive" and set(kinds.values()) & {"TIMESTAMP", "TIMESTAMP_LTZ"}:
        raise InvalidInputError(
            f"the bucket function 'hive' takes no timestamps, found {text}", **detail
        )
