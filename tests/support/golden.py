"""Golden tables: written by other engines, one archive a writer, with the rows that Java Paimon
reads from them."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ARCHIVES = Path(__file__).resolve().parents[1] / "conformance" / "golden"


@dataclass(frozen=True)
class GoldenTable:
    """One table: where it lies and what must be read from it."""

    writer: str
    name: str
    warehouse: Path
    expected: dict[str, Any]

    @property
    def path(self) -> Path:
        return self.warehouse / "db.db" / self.name

    @property
    def snapshots(self) -> list[dict[str, Any]]:
        return self.expected["snapshots"]

    @property
    def refused_by_java(self) -> bool:
        """True where the newest Java refuses the table: any clear error will do for these."""
        return "refused_by" in self.expected


def scope(options: dict[str, Any]) -> str:
    """The least scope that a table with these options needs: plain, format, engines or changelog.

    Source: `scope` in `histories.py` of the Java oracle of the project's reference material.
    """
    if options.get("changelog-producer", "none") != "none":
        return "changelog"
    engine = options.get("merge-engine", "deduplicate")
    if engine != "deduplicate" or "sequence.field" in options or "ignore-delete" in options:
        return "engines"
    other = any(k.startswith(("deletion-vectors", "data-file.thin")) for k in options)
    if options.get("file.format", "parquet") != "parquet" or other:
        return "format"
    return "plain"


def is_needed(name: str, options: dict[str, Any]) -> bool:
    """Whether a table is of scope plain or format, or a named corner that merges by deduplicate.

    Random histories are named by a letter and a number.
    """
    if scope(options) in ("plain", "format"):
        return True
    named = not name[1:].isdigit()
    return named and options.get("merge-engine", "deduplicate") == "deduplicate"


def writers(folder: str = "") -> list[str]:
    """Archives of a folder, without their suffix, as the functions below take them."""
    found = (ARCHIVES / folder).glob("*.tar.xz")
    return sorted(str(p.relative_to(ARCHIVES)).removesuffix(".tar.xz") for p in found)


def names(writer: str) -> list[str]:
    """Names of the tables in a writer's archive; the archive's index is its first member."""
    with tarfile.open(ARCHIVES / f"{writer}.tar.xz") as archive:
        return json.load(archive.extractfile("INDEX.json"))


def unpack(writer: str, target: Path) -> Iterator[GoldenTable]:
    """Extract a writer's archive into `target`; the tables in it."""
    with tarfile.open(ARCHIVES / f"{writer}.tar.xz") as archive:
        archive.extractall(target, filter="data")
    for name in json.loads((target / "INDEX.json").read_text()):
        expected = json.loads((target / f"{name}.json").read_text(encoding="utf-8"))
        yield GoldenTable(writer, name, target, expected)


def listed(writers: list[str]) -> list[tuple[str, str]]:
    """(writer, name) of every table in the archives."""
    return [(writer, name) for writer in writers for name in names(writer)]


def unpacked(writers: list[str], root: Path) -> dict[tuple[str, str], GoldenTable]:
    """The tables of the archives below `root`, by (writer, name)."""
    return {
        (writer, table.name): table for writer in writers for table in unpack(writer, root / writer)
    }
