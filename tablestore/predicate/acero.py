"""pyarrow expressions on batches, by pyarrow's own engine.

``pyarrow.acero`` imports ``pyarrow.dataset``, and that pandas, if they are there; the compiled
module underneath needs neither.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pyarrow as pa

from tablestore.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType


def _engine() -> ModuleType:
    try:
        return importlib.import_module("pyarrow._acero")
    except ImportError:  # another pyarrow: the public module does the same, only heavier
        return importlib.import_module("pyarrow.acero")


def apply(expression: object, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> pa.ChunkedArray:
    """The values of an expression for each row of some columns, named as the expression does.

    Raises:
        InvalidInputError: pyarrow cannot apply the expression to columns of these types.
    """
    engine = _engine()
    source = engine.TableSourceNodeOptions(pa.table(dict(columns)))
    project = engine.ProjectNodeOptions([expression], ["value"])
    plan = engine.Declaration.from_sequence(
        [
            engine.Declaration("table_source", source),
            engine.Declaration("project", project),
        ]
    )
    try:
        # One thread keeps the rows in order.
        result = plan.to_table(use_threads=False).column(0)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInputError(
            f"pyarrow cannot apply the filter {expression}: {reason}"
        ) from error
    if not pa.types.is_boolean(result.type):
        raise InvalidInputError(
            f"a filter must be true or false for each row, found {expression} of type {result.type}"
        )
    return result


def check(expression: object, types: Mapping[str, pa.DataType]) -> None:
    """Raise InvalidInputError unless the expression is a condition on columns of these types."""
    # A plan without columns has no rows either, so a constant expression gets one to stand on.
    columns = {name: pa.nulls(0, kind) for name, kind in types.items()}
    apply(expression, columns or {"": pa.nulls(0)})
