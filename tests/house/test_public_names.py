"""The names that a user types are pinned, and importing them is light."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tablestore

ROOT = Path(__file__).resolve().parents[2]

NAMES = [
    "AlreadyExistsError",
    "CommitConflictError",
    "CommitResult",
    "CommitUnknownError",
    "CorruptDataError",
    "InvalidInputError",
    "JobStateExpiredError",
    "Lake",
    "NotFoundError",
    "PreparedCheckpoint",
    "SnapshotExpiredError",
    "StorageUnavailableError",
    "Table",
    "TablestoreError",
    "UnsupportedFormatError",
    "WriterFencedError",
    "col",
    "connect",
    "doctor",
    "open_table",
]
HEAVY = {"fsspec", "numba", "numpy", "pandas", "pyarrow", "rich", "s3fs", "zstandard"}


def modules_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after running the code."""
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_the_public_names_are_exactly_these():
    assert sorted(tablestore.__all__) == NAMES
    assert set(NAMES) <= set(dir(tablestore))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_loads(name: str):
    assert getattr(tablestore, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'conect'"):
        _ = tablestore.conect


def test_the_error_tree_is_pinned():
    base = tablestore.TablestoreError
    kinds = {name: getattr(tablestore, name) for name in NAMES if name.endswith("Error")}
    assert {name: (found.kind, found.retryable) for name, found in kinds.items()} == {
        "AlreadyExistsError": ("already_exists", False),
        "CommitConflictError": ("commit_conflict", True),
        "CommitUnknownError": ("commit_unknown", True),
        "CorruptDataError": ("corrupt_data", False),
        "InvalidInputError": ("invalid_input", False),
        "JobStateExpiredError": ("job_state_expired", False),
        "NotFoundError": ("not_found", False),
        "SnapshotExpiredError": ("snapshot_expired", False),
        "StorageUnavailableError": ("storage_unavailable", True),
        "TablestoreError": ("error", False),
        "UnsupportedFormatError": ("unsupported_format", False),
        "WriterFencedError": ("writer_fenced", False),
    }
    assert all(issubclass(found, base) for found in kinds.values())
    assert issubclass(tablestore.InvalidInputError, ValueError)
    assert issubclass(tablestore.NotFoundError, LookupError)


def test_import_brings_in_nothing_heavy():
    assert not modules_after("import tablestore") & (HEAVY | {"typer"})


def test_errors_can_be_caught_without_loading_anything_heavy():
    assert not modules_after("from tablestore import InvalidInputError, NotFoundError") & HEAVY


def test_the_command_line_is_built_without_anything_heavy():
    assert not modules_after("import tablestore.cli.main") & HEAVY


def test_opening_and_reading_leaves_out_what_a_local_table_does_not_need(tmp_path: Path):
    code = f"""
import tablestore as ts
t = ts.connect({str(tmp_path)!r}).create_table(
    "a.b", {{"id": "INT"}}, primary_key=["id"], options={{"bucket": "1"}}
)
t.upsert([{{"id": 1}}])
assert t.to_arrow().num_rows == 1
"""
    # pandas is not in the set: pyarrow itself looks for it when it makes an array from a list
    assert not modules_after(code) & {"numba", "rich", "s3fs"}


def test_the_version_is_the_one_that_is_published():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert tablestore.__version__ == project["version"]


def test_every_dependency_is_imported_and_explained():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    reasons = (ROOT / "CONTRIBUTING.md").read_text()
    for requirement in project["dependencies"]:
        name = requirement.partition(">")[0]
        assert "<" not in requirement and "=" not in requirement.replace(">=", ""), requirement
        assert f"`{name}`" in reasons, f"CONTRIBUTING.md does not say why {name}"
