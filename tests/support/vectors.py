"""The vectors of `format_spec/vectors/<page>/<case>/case.json` as Python values.

Every case names its `codec` (which runner of `tests/conformance/test_vectors.py` takes it) and its
`source` (which other engine the bytes come from). Values that JSON does not have are objects with
one key: `bytes` (hexadecimal), `decimal`, `timestamp` (millis, nanoseconds more), `map` (pairs),
`row`, `range` (first, end).
"""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tablestore.format.binary_slots import Timestamp

SPEC = Path(__file__).resolve().parents[2] / "format_spec"
VECTORS = SPEC / "vectors"


@dataclass(frozen=True)
class Vector:
    """One case folder."""

    folder: Path
    case: dict[str, Any]

    @property
    def id(self) -> str:
        """`<page>/<case>`, the name by which a clause cites it."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def codec(self) -> str:
        return self.case["codec"]

    @property
    def input(self) -> bytes:
        """The bytes of the input file."""
        path = self.folder / self.case["input"]
        data = path.read_bytes()
        return lzma.decompress(data) if path.suffix == ".xz" else data


def all_vectors() -> list[Vector]:
    paths = sorted(VECTORS.glob("*/*/case.json"))
    return [Vector(p.parent, json.loads(p.read_text(encoding="utf-8"))) for p in paths]


def value(found: Any) -> Any:
    """The Python value of a value in a case."""
    if isinstance(found, list):
        return [value(v) for v in found]
    if not isinstance(found, dict):
        return found
    if len(found) == 1:
        ((kind, inner),) = found.items()
        if kind in _KINDS:
            return _KINDS[kind](inner)
    return {key: value(v) for key, v in found.items()}


_KINDS = {
    "bytes": bytes.fromhex,
    "decimal": Decimal,
    "timestamp": lambda v: Timestamp(*v),
    "map": lambda pairs: {value(k): value(v) for k, v in pairs},
    "row": lambda v: tuple(map(value, v)),
    "range": lambda v: list(range(*v)),
}
