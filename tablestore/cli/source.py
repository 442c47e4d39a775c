"""What the user says about an input: a file or standard input, its format and its columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from tablestore.errors import InvalidInputError, nearest

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("csv", "jsonl", "parquet", "arrow")
STANDARD_INPUT = "-"
_BY_EXTENSION = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
_COMPRESSED = frozenset({".gz", ".bz2", ".zst", ".lz4"})


@dataclass(slots=True)
class Source:
    """Where rows come from and what they should look like.

    Attributes:
        path: a file, or ``-`` for standard input.
        format: one of ``FORMATS``.
        schema: the columns of the table, by which text is read; None where there is none yet.
        nulls: CSV texts that mean null besides an empty field.
        sparse: a column that the input lacks becomes null.
        aside: a column that is none of the table's, such as the row kind.
        watch: called with the number of rows so far, once a batch.
        rows: how many rows went by.
        problem: the error that stopped the stream; Arrow's C interface blurs it on the way.
    """

    path: str
    format: str
    schema: pa.Schema | None = None
    nulls: Sequence[str] = ()
    sparse: bool = False
    aside: str | None = None
    watch: Callable[[int], None] | None = None
    rows: int = field(default=0, init=False)
    problem: InvalidInputError | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """The source in messages."""
        return "standard input" if self.path == STANDARD_INPUT else self.path

    def check_columns(self, found: Sequence[str]) -> None:
        """Refuses a column that the table does not have.

        Raises:
            InvalidInputError: Names the column and the nearest one of the table.
        """
        if self.schema is None:
            return
        for name in found:
            if name != self.aside and name not in self.schema.names:
                hint = nearest(name, self.schema.names)
                raise InvalidInputError(f"column {name!r} is not in the table{hint}", column=name)


def guess_format(path: str, given: str | None) -> str:
    """The format that an option gives or a file's extension tells.

    Raises:
        InvalidInputError: Neither names one of ``FORMATS``.
    """
    choices = ", ".join(FORMATS)
    if given is not None:
        if given.lower() in FORMATS:
            return given.lower()
        hint = nearest(given.lower(), FORMATS)
        raise InvalidInputError(f"--format is one of {choices}, found {given!r}{hint}")
    suffixes = [suffix.lower() for suffix in PurePath(path).suffixes]
    while suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    found = _BY_EXTENSION.get(suffixes[-1]) if suffixes else None
    if found is None:
        what = "standard input" if path == STANDARD_INPUT else path
        raise InvalidInputError(
            f"the format of {what} is not known: give --format, one of {choices}"
        )
    return found
