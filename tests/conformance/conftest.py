"""The engines that judge, started once a session, and the figures printed at the end."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support import golden
from tests.support import peers as peers_module
from tests.support.oracle import ArrowPeer, Java
from tests.support.seeds import SEED

RELEASED = ("2.0.0", "1.4.2")
FIGURES: Counter[str] = Counter()


@pytest.fixture(scope="session")
def peers():
    return peers_module.install()


def _need(peers, lane):
    """An absent peer skips, but in CI only the unreleased Java may be absent."""
    reason = peers.missing.get(lane)
    if reason is None:
        return
    if peers_module.strict() and lane != "2.1":
        pytest.fail(f"{lane} is needed in CI: {reason}")
    pytest.skip(f"{lane}: {reason}")


@pytest.fixture(scope="session")
def java(peers):
    """The newest released Java Paimon: the judge of every table."""
    _need(peers, "2.0.0")
    engine = Java(peers, "2.0.0")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def older_java(peers):
    _need(peers, "1.4.2")
    engine = Java(peers, "1.4.2")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def newer_java(peers):
    """The 2.1 build, or None where its jar is not there."""
    if "2.1" in peers.missing:
        yield None
        return
    engine = Java(peers, "2.1")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def arrow_peers(peers):
    for lane in ("pypaimon", "rust"):
        _need(peers, lane)
    engines = [ArrowPeer(peers, lane) for lane in ("pypaimon", "rust")]
    yield engines
    for engine in engines:
        engine.close()


@pytest.fixture(scope="session")
def readers(java, older_java, newer_java, arrow_peers):
    """Every engine that reads what we write."""
    return [java, older_java, *([newer_java] if newer_java else []), *arrow_peers]


@pytest.fixture(scope="session")
def ours():
    from tests.support.oracle_ours import Ours

    return Ours()


@pytest.fixture(scope="session")
def figures():
    """Counters that are printed at the end of the session."""
    return FIGURES


@pytest.fixture(scope="module")
def tables(request, tmp_path_factory):
    """The golden tables of the module's WRITERS, unpacked once, by (writer, name)."""
    return golden.unpacked(request.module.WRITERS, tmp_path_factory.mktemp("golden"))


@pytest.fixture
def in_memory():
    """A folder that is not synced to disk, where that is not what is tested."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _timed(request, figures):
    started = time.perf_counter()
    yield
    figures[f"seconds in {request.node.path.stem}"] += time.perf_counter() - started


def pytest_sessionfinish(session):
    """Hand the figures of a parallel worker to the process that prints them."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["figures"] = dict(FIGURES)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    FIGURES.update(getattr(node, "workeroutput", {}).get("figures", {}))


def pytest_terminal_summary(terminalreporter, config):
    if not FIGURES:
        return
    terminalreporter.section("conformance figures")
    terminalreporter.write_line(f"seed: {SEED} (TABLESTORE_SEED={SEED} repeats this run)")
    for key in sorted(FIGURES):
        terminalreporter.write_line(f"{key}: {FIGURES[key]:,.0f}")
