"""Everything that decodes foreign bytes is in the list of what is fuzzed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.decoder_coverage import Reach, entry
from tests.support.decoders import DECODERS

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("format", "datafile")
VERBS = ("decode", "read", "parse", "open")
# not decoders of files: they are called by those that are, or take a text of the user
ELSEWHERE = {
    "datafile.formats:open_reader": "gives the readers, which are in the list",
    "datafile.formats:open_writer": "writes",
    "datafile.parquet_footer:read_struct": "reads Thrift as Footer does, for who inspects a page",
    "format.binary_slots:align": "pads what is written",
    "format.deletion_vector:framed_vector": "cuts what read_vector, which is in the list, has read",
}


def _is_decoder(node: ast.stmt) -> bool:
    """A public function named as a decoder or given bytes to begin with, or a reader."""
    if isinstance(node, ast.ClassDef):
        return node.name.endswith("Reader") and not _is_protocol(node)
    if not isinstance(node, ast.FunctionDef) or node.name.startswith(("_", "encode", "write")):
        return False
    first = node.args.args[0].annotation if node.args.args else None
    given_bytes = isinstance(first, ast.Name) and first.id == "bytes"
    return given_bytes or node.name.split("_")[0] in VERBS


def _is_protocol(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


def _decoders() -> Iterator[str]:
    for room in ROOMS:
        for path in sorted((ROOT / "tablestore" / room).glob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if _is_decoder(node):
                    yield f"{room}.{path.stem}:{node.name}"


def _reached(reach: Reach, text: str) -> bool:
    found = entry(text)
    if isinstance(found, type):
        return found in reach.classes
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    return found.__code__ in reach.functions


def test_every_decoder_is_fuzzed_or_called_by_one_that_is():
    entries = {text for decoder in DECODERS.values() for text in decoder.entries}
    reach = Reach(entry(text) for text in entries)
    found = [text for text in _decoders() if text not in ELSEWHERE]
    assert len(found) > 25
    missing = [text for text in found if text not in entries and not _reached(reach, text)]
    assert missing == []
