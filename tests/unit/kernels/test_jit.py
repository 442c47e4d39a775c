from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tablestore.kernels import jit
from tablestore.kernels.jit import (
    COMPILE_PAYS_SECONDS,
    LOAD_PAYS_SECONDS,
    MORE_PAYS_SECONDS,
    Kernel,
    kernel,
    part,
)

ROOT = Path(__file__).resolve().parents[3]


@part
def _twice(value):
    return value * 2


@part
def _twice_and_one(value):
    return _twice(value) + 1


def _fill(values, out):
    for i in range(len(values)):
        out[i] = _twice_and_one(values[i])
    return len(values)


def fresh() -> Kernel:
    """A kernel as a new process would have it."""
    return kernel("int64(Array(int64, 1, 'C', readonly=True), int64[::1])")(_fill)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TABLESTORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(jit, "_loaded", [])
    jit.cache_folder.cache_clear()
    yield tmp_path / "cache"
    jit.cache_folder.cache_clear()


def run(function) -> list[int]:
    values = np.frombuffer(np.arange(3).tobytes(), dtype=np.int64)
    out = np.zeros(3, dtype=np.int64)
    assert function(values, out) == 3
    return out.tolist()


def kept(folder: Path, end: str = "nbc") -> list[Path]:
    return sorted(folder.rglob(f"*.{end}"))


def test_importing_kernels_loads_no_numba():
    code = "import sys, tablestore.kernels.jit; print('numba' in sys.modules)"
    found = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert found.split() == ["False"]


def test_compiled_and_plain_form_give_the_same():
    assert run(fresh()) == run(fresh().plain) == [1, 3, 5]


def test_small_work_is_not_compiled(folder: Path):
    assert not fresh().ready(LOAD_PAYS_SECONDS * 0.99)
    assert not folder.exists()
    function = fresh()
    assert function.ready(LOAD_PAYS_SECONDS)
    assert function.ready(0), "compiled by now"


def test_small_pieces_of_work_add_up():
    function = fresh()
    tried = 1
    while not function.ready(LOAD_PAYS_SECONDS / 4):
        tried += 1
    assert tried == 4


def test_another_kernel_pays_sooner():
    assert not fresh().ready(MORE_PAYS_SECONDS)
    assert fresh().warm_up()
    assert not fresh().ready(MORE_PAYS_SECONDS * 0.99)
    assert fresh().ready(MORE_PAYS_SECONDS)


def test_a_kept_kernel_is_loaded_and_not_compiled_again(folder: Path):
    assert fresh().warm_up()
    before = [(path, path.stat().st_mtime_ns) for path in kept(folder)]
    assert len(before) == 1
    again = fresh()
    assert run(again) == [1, 3, 5]
    assert sum(again._compiled.stats.cache_hits.values()) == 1
    assert [(path, path.stat().st_mtime_ns) for path in kept(folder)] == before


@pytest.mark.parametrize("end", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"\x80\x04garbage", None])
def test_a_damaged_file_is_compiled_anew(folder: Path, end: str, content: bytes | None):
    fresh().warm_up()
    (path,) = kept(folder, end)
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    assert run(fresh()) == [1, 3, 5]
    assert run(fresh()) == [1, 3, 5]
    again = fresh()
    assert run(again) == [1, 3, 5]
    assert sum(again._compiled.stats.cache_hits.values()) == 1


def test_without_a_folder_only_long_work_is_compiled(folder: Path):
    folder.write_text("a file where the folder should be")
    assert jit.cache_folder() is None
    assert not fresh().ready(COMPILE_PAYS_SECONDS * 0.99)
    function = fresh()
    assert function.ready(COMPILE_PAYS_SECONDS)
    assert run(function) == [1, 3, 5]


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_folder_that_others_may_write_is_not_used(folder: Path):
    made = jit.cache_folder()
    assert made is not None
    assert made.stat().st_mode & 0o777 == 0o700
    jit.cache_folder.cache_clear()
    made.chmod(0o770)
    assert jit.cache_folder() is None


def test_the_setting_of_numba_stays_the_users():
    import numba

    before = numba.config.CACHE_DIR
    fresh().warm_up()
    assert before == numba.config.CACHE_DIR


def test_without_numba_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "numba", None)  # an import of it fails
    function = fresh()
    assert not function.ready(1e9)
    with pytest.raises(RuntimeError, match="_fill cannot be compiled here"):
        run(function)


def test_a_disabled_numba_compiles_nothing(monkeypatch: pytest.MonkeyPatch):
    import numba

    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    assert not fresh().ready(1e9)


def test_the_folder_is_another_for_other_code(folder: Path, monkeypatch: pytest.MonkeyPatch):
    first = jit.cache_folder()
    jit.cache_folder.cache_clear()
    monkeypatch.setattr(jit, "_processor", lambda: ("another", "+more"))
    assert jit.cache_folder() != first


def test_processes_that_compile_at_the_same_time_do_not_disturb_each_other(folder: Path):
    code = "from tests.unit.kernels import test_jit as t; print(t.run(t.fresh()))"
    running = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in running] == ["[1, 3, 5]"] * 3
    assert len(kept(folder)) == 1
