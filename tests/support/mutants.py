"""Mistakes put into a copy of the product on purpose; a named test must find each of them.

A mutant is a text of the source and what stands in its place. Where the text is not there any
more, the mutant must be written anew, and the run says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SINGLE = "tests/faults/test_single_faults.py::test_one_fault_at_any_call_loses_and_doubles_nothing"
LATE = "tests/faults/test_late_arrivals.py::test_"
KILL_SECONDS = 600


@dataclass(frozen=True)
class Edit:
    """A change of one file below ``tablestore``."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """One mistake.

    Attributes:
        name: what is wrong.
        edits: the mistake.
        killer: the test that must fail.
    """

    name: str
    edits: tuple[Edit, ...]
    killer: str


def _mutant(name: str, file: str, old: str, new: str, killer: str) -> Mutant:
    return Mutant(name, (Edit(file, old, new),), killer)


PUBLISH, EXPIRE = "commit/publish.py", "maintain/expire.py"
MUTANTS = (
    _mutant(
        "a plain PUT in place of a conditional one",
        PUBLISH,
        "created = self._state.store.put_if_absent(key, prepared.data)",
        "self._state.store.put(key, prepared.data)\n            created = True",
        f"{LATE}a_writer_that_sleeps_between_look_and_creation_loses_the_race_and_no_rows",
    ),
    _mutant(
        "412 and 409 taken for a conflict",
        PUBLISH,
        "            return _Outcome.MINE\n        return self._settle(",
        "            return _Outcome.MINE\n        if not self._doubt:\n"
        "            self._open.remove(snapshot.id)\n            return _Outcome.LOST\n"
        "        return self._settle(",
        f"{SINGLE}[a lost race]",
    ),
    _mutant(
        "a time-out taken for a failure",
        PUBLISH,
        "            self._doubt = True\n            created = False",
        "            self._open.remove(snapshot.id)\n            raise",
        f"{SINGLE}[append, buckets]",
    ),
    _mutant(
        "no look for earlier attempts",
        PUBLISH,
        "        if self._searched is None or latest is None:\n            return None",
        "        return None",
        f"{SINGLE}[a lost race]",
    ),
    _mutant(
        "files deleted while the end is unknown",
        "table/batch.py",
        "        except CommitUnknownError:\n            raise",
        "        except KeyboardInterrupt:\n            raise",
        f"{LATE}files_of_a_commit_whose_end_is_unknown_stay",
    ),
    _mutant(
        "LATEST written blindly",
        PUBLISH,
        "if hint < snapshot_id:",
        "if snapshot_id:",
        f"{LATE}latest_is_not_moved_back_by_a_writer_that_slept",
    ),
    _mutant(
        "EARLIEST not read after a creation",
        PUBLISH,
        "        earliest = self._read_earliest()\n        if earliest is None or",
        "        earliest = None\n        if earliest is None or",
        f"{LATE}a_writer_that_sleeps_longer_than_the_history_is_kept_commits_on_top_of_it",
    ),
    _mutant(
        "names in an expired hole believed",
        PUBLISH,
        "return earliest is not None and snapshot_id < earliest",
        "return False",
        f"{LATE}a_creation_that_arrives_in_an_expired_hole_is_not_taken_for_a_commit",
    ),
    _mutant(
        "EARLIEST written after the deletions",
        EXPIRE,
        "        if not self._claim(end.id):\n"
        "            return Expiry(planned.earliest, planned.latest, planned.cut)\n",
        "",
        f"{SINGLE}[expire]",
    ),
    _mutant(
        "an expirer that ignores tags",
        EXPIRE,
        "Neighbours(line.tags(), ",
        "Neighbours([], ",
        f"{SINGLE}[expire beside a tag and a consumer]",
    ),
    _mutant(
        "an expirer that ignores consumers",
        EXPIRE,
        "consumers=self._consumed() if self._may_go(earliest, latest) else {},",
        "consumers={},",
        f"{SINGLE}[expire beside a tag and a consumer]",
    ),
    Mutant(
        "sequence numbers from 0 after a restart",
        (
            Edit(
                "write/context.py",
                "-1 if self.live is None else self.live.max_sequence(partition, bucket)",
                "-1",
            ),
            Edit("commit/prepare.py", "if late:\n", "if not late and late:\n"),
        ),
        f"{SINGLE}[a counter behind another's]",
    ),
    _mutant(
        "a counter that fell behind another's is left there",
        "commit/prepare.py",
        "if late:\n",
        "if not late and late:\n",
        f"{SINGLE}[a counter behind another's]",
    ),
    _mutant(
        "-D dropped in a compaction that is not full",
        "compact/unit.py",
        "drop_deletes=step.drop_deletes,",
        "drop_deletes=True,",
        "tests/unit/compact/test_compaction.py",
    ),
    _mutant(
        "an upper bound too low",
        "format/stats.py",
        "    cut = truncate_max(high, length)\n",
        "    cut = high[:length]\n",
        "tests/unit/format/test_stats.py",
    ),
    _mutant(
        "a field matched by its name",
        "runs/evolve.py",
        "by_id = {field.id: field for field in file_fields}",
        "by_id = {f.id: o for f in fields for o in file_fields if o.name == f.name}",
        "tests/unit/runs/test_evolve.py::test_columns_match_by_id_not_by_name",
    ),
    _mutant(
        "the bucket of a negative hash wrong",
        "format/bucket.py",
        "np.abs(row_hashes(columns, types).astype(np.int64)).astype(np.uint32)",
        "row_hashes(columns, types).astype(np.uint32)",
        "tests/unit/format/test_bucket.py",
    ),
    _mutant(
        "a partition value not escaped",
        "format/partition.py",
        "return text.translate(_ESCAPES)",
        "return text",
        "tests/unit/format/test_partition.py::"
        "test_special_characters_are_escaped_in_names_and_values",
    ),
)


class MutantError(AssertionError):
    """A mutant cannot be made any more, or its test cannot be run."""


def copy_project(folder: Path) -> Path:
    """A copy of the product that can be changed, with the tests beside it."""
    shutil.copytree(
        ROOT / "tablestore", folder / "tablestore", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("tests", "pyproject.toml", "README.md"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def apply(folder: Path, edit: Edit) -> None:
    """Changes one file of a copy.

    Raises:
        MutantError: the text is not there once.
    """
    path = folder / "tablestore" / edit.file
    text = path.read_text()
    if text.count(edit.old) != 1:
        raise MutantError(f"{edit.file} has {text.count(edit.old)} times: {edit.old!r}")
    path.write_text(text.replace(edit.old, edit.new))


def run_test(folder: Path, test: str, seconds: float = KILL_SECONDS) -> tuple[int, str]:
    """Runs a test on a copy; pytest's exit code and the end of its output."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    # one worker: a copy is small work, and several copies run at a time
    done = subprocess.run(
        [*command, "-p", "no:xdist", test],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr)[-2_000:]


def is_killed(mutant: Mutant, folder: Path) -> bool:
    """Whether the named test fails on the product with the mistake.

    Raises:
        MutantError: nothing can be said.
    """
    copy_project(folder)
    for edit in mutant.edits:
        apply(folder, edit)
    code, output = run_test(folder, mutant.killer)
    if code not in (0, 1):
        raise MutantError(f"{mutant.killer} could not be run: {output}")
    return code == 1
