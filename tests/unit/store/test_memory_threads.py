"""One memory store, several threads."""

from __future__ import annotations

import sys
import threading
import uuid

import pytest

from tablestore.store.memory import MemoryStore


@pytest.fixture
def often():
    """Threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("often")
def test_a_listing_goes_well_while_others_write():
    store = MemoryStore(uuid.uuid4().hex)
    done = threading.Event()

    def write():
        for number in range(3_000):
            store.put(f"a/{number}", b"x")
            store.delete(f"a/{number - 5}")
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    counts = []
    while not done.is_set():
        counts.append(len(list(store.list("a"))))
    writer.join()
    assert counts
    assert len(list(store.list("a"))) == 5
