"""A pyarrow expression taken apart, for pruning, and put together again.

pyarrow offers no view of the inside of an expression, but pickles it as an Arrow IPC file of one
row: the schema's metadata holds the tree in prefix order, the columns hold the constants.

::

    call: and_kleene                       options: <column of a struct>
      call: greater                        end: is_in
        field_ref: amount                ...
        literal: <column>
      end: greater

Substrait was the other way: it has no words for safe casts, zoned timestamps or most options.

Source: Arrow C++ ``compute/expression.cc``, ``Serialize``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from tablestore.errors import UnsupportedFormatError
from tablestore.predicate.flatbuffer import schema_metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow.compute as pc


@dataclass(frozen=True)
class Field:
    """A column; `nested` when a member of it is meant."""

    name: str
    nested: bool


@dataclass(frozen=True)
class Call:
    """A function of arguments; `options` is a struct scalar. `span` is where its tokens are."""

    function: str
    arguments: tuple[Term, ...]
    options: pa.StructScalar | None
    span: tuple[int, int] = field(compare=False)


Term: TypeAlias = "Field | Call | pa.Scalar"


class Pickled:
    """One expression, as pyarrow pickles it.

    Raises:
        UnsupportedFormatError: this pyarrow pickles in another way than is known here.
    """

    def __init__(self, expression: pc.Expression) -> None:
        load, (data,) = expression.__reduce__()[:2]
        self._load: Callable[[pa.Buffer], pc.Expression] = load
        self._tokens = schema_metadata(bytes(memoryview(data)))
        # Without constants a column of nulls keeps the one row that pyarrow insists on.
        self._values = pa.ipc.open_file(pa.py_buffer(data)).get_batch(0).columns or [pa.nulls(1)]
        self._at = 0
        self.root = self._term()

    def part(self, call: Call) -> pc.Expression:
        """The expression of one call inside the whole."""
        metadata = pa.KeyValueMetadata(self._tokens[slice(*call.span)])
        schema = pa.schema([pa.field("", v.type) for v in self._values], metadata=metadata)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(pa.RecordBatch.from_arrays(self._values, schema=schema))
        return self._load(sink.getvalue())

    def _term(self) -> Term:
        start = self._at
        kind, text = self._take()
        if kind == "literal":
            return self._values[int(text)][0]
        if kind == "field_ref":
            return Field(text, nested=False)
        if kind == "nested_field_ref":
            return self._nested(int(text))
        if kind != "call":
            raise _unknown(kind)
        arguments: list[Term] = []
        options: Any = None
        while self._tokens[self._at] != ("end", text):
            if self._tokens[self._at][0] == "options":
                options = self._values[int(self._take()[1])][0]
            else:
                arguments.append(self._term())
        self._at += 1
        return Call(text, tuple(arguments), options, (start, self._at))

    def _nested(self, depth: int) -> Field:
        names = [self._term() for _ in range(depth)]
        if not names or not isinstance(names[0], Field):
            raise _unknown("nested_field_ref")
        return Field(names[0].name, nested=True)

    def _take(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise _unknown("the end")
        self._at += 1
        return self._tokens[self._at - 1]


def fields_of(term: Term) -> tuple[str, ...]:
    """The columns that a term reads, each once, in order."""
    if isinstance(term, Field):
        return (term.name,)
    if isinstance(term, Call):
        return tuple(dict.fromkeys(name for inner in term.arguments for name in fields_of(inner)))
    return ()


def _unknown(found: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"this version of pyarrow describes an expression with {found!r}, which is not known here: "
        "write the filter as text or with tablestore.col"
    )
