"""What a verification found, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tablestore.types.html import HtmlFields

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, repr=False)
class Finding(HtmlFields):
    """One thing that is not as it must be.

    Attributes:
        object: the object's key below the table's root.
        problem: a sentence.
    """

    object: str
    problem: str

    def __repr__(self) -> str:
        return f"Finding({self.object}: {self.problem})"


@dataclass(frozen=True, repr=False)
class Report(HtmlFields):
    """What a verification looked at, and what it found.

    Attributes:
        table: name of the table.
        deep: whether data files were decoded a second time by fastparquet.
        snapshots: snapshots and tags looked at.
        manifests: manifests and their lists looked at.
        files: data files read.
        rows: rows in them.
        bytes: their size.
        indexes: indexes of single columns in the entries of these files or beside them.
        columns_compared: columns that both decoders gave, counted by file.
        columns_not_compared: columns that the second decoder does not decode, counted by file;
            ``skipped`` names them.
        findings: what is wrong; empty when all is well.
        skipped: what could not be looked at, and why; no damage.
    """

    table: str
    deep: bool
    snapshots: int
    manifests: int
    files: int
    rows: int
    bytes: int
    indexes: int
    columns_compared: int
    columns_not_compared: int
    findings: tuple[Finding, ...]
    skipped: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def __repr__(self) -> str:
        count = len(self.findings)
        said = "all well" if self.ok else f"{count} finding{'s' if count > 1 else ''}"
        more = f", {self.indexes} indexes" if self.indexes else ""
        if self.deep:
            more += f"; {self.columns_compared} columns decoded twice and alike"
            if self.columns_not_compared:
                more += f", {self.columns_not_compared} not decoded twice"
        return (
            f"Report({self.table}: {said}; {self.snapshots} snapshots, {self.manifests} "
            f"manifests, {self.files} files, {self.rows} rows{more})"
        )


class Notes:
    """Findings while they are collected; the same one counts once.

    Args:
        place: from a key to the key below the table's root, where they differ (in a branch).
        among: the notes that these are part of.
    """

    def __init__(
        self, place: Callable[[str], str] | None = None, among: Notes | None = None
    ) -> None:
        self.findings: dict[Finding, None] = {} if among is None else among.findings
        self.skipped: dict[Finding, None] = {} if among is None else among.skipped
        self._place = place or str

    def wrong(self, key: str, problem: str) -> None:
        """Something is not as it must be."""
        self.findings[Finding(self._place(key), problem)] = None

    def skip(self, key: str, reason: str) -> None:
        """Something cannot be looked at."""
        self.skipped[Finding(self._place(key), reason)] = None

    def expect(self, key: str, what: str, expected: object, found: object) -> None:
        """Two values must be equal; an expected one that is None was not recorded."""
        if expected is not None and expected != found:
            self.wrong(key, f"{what}: expected {expected}, found {found}")
