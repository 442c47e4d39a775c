"""The least that a run file has, for tests of the tree's shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tablestore.lsm.levels import Keys


@dataclass(frozen=True)
class File:
    """A file without bytes; its keys are anything that compares."""

    file_name: str
    file_size: int = 1
    level: int = 0
    min_key: Any = 1
    max_key: Any = 9
    min_sequence_number: int = 0
    max_sequence_number: int = 0
    row_count: int = 10
    delete_row_count: int | None = 0
    creation_time_ms: int | None = 0


KEYS: Keys[File] = Keys(lambda file: file.min_key, lambda file: file.max_key)
