"""The aggregation options of one column.

Source: ``org.apache.paimon.CoreOptions`` (``fields.<column>.…``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tablestore.errors import InvalidInputError
from tablestore.options.units import parse_bool

NO_LIMIT: Final = (1 << 31) - 1
NULL_STRATEGIES: Final = ("merge", "ignore", "error")


@dataclass(frozen=True, slots=True)
class ColumnAggregation:
    """How a column is aggregated.

    Attributes:
        column: its name.
        function: name of the aggregate function; None where none is configured.
        own_function: it is the column's own, not the table's default.
        ignore_retract: retracts leave the accumulator as it is.
        delimiter: between the texts of ``listagg``.
        distinct: ``collect`` and ``listagg`` take a value once.
        nested_key: fields that name a row of ``nested_update`` and ``nested_partial_update``.
        nested_key_null_strategy: what becomes of nested rows with a null in that key.
        nested_sequence_field: fields by which a nested row is newer than another.
        count_limit: nested rows that are kept at most.
        ts_field: field of ``merge_map_with_keytime`` that tells when; None for the last one.
    """

    column: str
    function: str | None = None
    ignore_retract: bool = False
    delimiter: str = ","
    distinct: bool = False
    nested_key: tuple[str, ...] = ()
    nested_key_null_strategy: str | None = None
    nested_sequence_field: tuple[str, ...] = ()
    count_limit: int = NO_LIMIT
    ts_field: str | None = None
    own_function: bool = False

    @classmethod
    def parse(cls, options: Mapping[str, str], column: str) -> ColumnAggregation:
        """The options of a column.

        Raises:
            InvalidInputError: names the option whose value is not of its type.
        """

        def text(suffix: str) -> str | None:
            return options.get(f"fields.{column}.{suffix}")

        def names(suffix: str) -> tuple[str, ...]:
            value = text(suffix)
            return () if value is None else tuple(name.strip() for name in value.split(","))

        strategy = text("nested-key-null-strategy")
        if strategy is not None and strategy.strip().lower() not in NULL_STRATEGIES:
            raise InvalidInputError(
                f"option 'fields.{column}.nested-key-null-strategy' must be one of "
                f"{', '.join(NULL_STRATEGIES)}, found {strategy!r}"
            )
        return cls(
            column,
            text("aggregate-function") or options.get("fields.default-aggregate-function"),
            parse_bool(text("ignore-retract") or "false"),
            options.get(f"fields.{column}.list-agg-delimiter", ","),
            parse_bool(text("distinct") or "false"),
            names("nested-key"),
            None if strategy is None else strategy.strip().lower(),
            names("nested-sequence-field"),
            _limit(text("count-limit"), column),
            text("ts-field"),
            text("aggregate-function") is not None,
        )


def _limit(text: str | None, column: str) -> int:
    try:
        return NO_LIMIT if text is None else int(text)
    except ValueError:
        raise InvalidInputError(
            f"option 'fields.{column}.count-limit' must be a number, found {text!r}"
        ) from None
