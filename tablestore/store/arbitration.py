"""Whether a store can arbitrate: of several who create one object, exactly one wins.

Every commit rests on it. A server that ignores the condition of a PUT, or looks and writes in two
steps, would let two commits both win and lose one of them without a word.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from tablestore.errors import InvalidInputError, NotFoundError, StorageUnavailableError

if TYPE_CHECKING:
    from tablestore.store.base import Store

WAY_OUT: Final = (
    "use a store that honours If-None-Match in a PUT (Amazon S3, SeaweedFS, Ceph, MinIO), or a "
    "local folder; `tablestore doctor URI` looks again"
)
_REQUESTS: Final = 4  # of one look: two creations, a read, a deletion
_PROVEN: set[object] = set()
_LOCK = threading.Lock()


def require_arbitration(store: Store, identity: object) -> int:
    """Looks once a process whether a store can arbitrate.

    Args:
        store: where something is about to be written.
        identity: equal for stores of one server and bucket.

    Returns:
        How many requests that took.

    Raises:
        InvalidInputError: it cannot.
        StorageUnavailableError: it does not answer, or refuses to be written to.
    """
    with _LOCK:
        if identity in _PROVEN:
            return 0
        reason = broken_rule(store) or broken_race(store, 2)
        if reason is not None:
            raise InvalidInputError(
                f"{store.uri} cannot keep commits apart: {reason}; {WAY_OUT}", uri=store.uri
            )
        _PROVEN.add(identity)
        return 2 * _REQUESTS


def broken_rule(store: Store) -> str | None:
    """What is wrong with two creations one after the other; None where nothing is."""
    key = scratch_key()
    try:
        first, second = store.put_if_absent(key, b"first"), store.put_if_absent(key, b"second")
        found = store.get(key)
    finally:
        remove(store, key)
    if not first:
        return "an object that was not there could not be created"
    if second or found != b"first":
        return "a second creation of one object succeeded, too (the condition is ignored)"
    return None


def broken_race(store: Store, creators: int) -> str | None:
    """What is wrong with creations of one object at the same time; None where nothing is."""
    key, start = scratch_key(), threading.Barrier(creators)

    def create(number: int) -> bool | None:
        start.wait()
        try:
            return store.put_if_absent(key, b"%d" % number)
        except StorageUnavailableError as error:
            if error.detail.get("landed") is False:
                raise
            return None  # an answer that leaves it open, such as 409: the object itself tells

    try:
        with ThreadPoolExecutor(creators) as pool:
            won = list(pool.map(create, range(creators)))
        found = store.get(key)
    except NotFoundError:
        return f"none of {creators} creations at once made the object"
    finally:
        remove(store, key)
    return judge(won, found)


def judge(won: list[bool | None], found: bytes) -> str | None:
    """What is wrong with a race, by the answers and by the object; None where nothing is.

    Args:
        won: answer of each creator: yes, no, or none.
        found: the object, which holds the number of a creator.
    """
    winners = [number for number, answer in enumerate(won) if answer]
    holder = int(found)
    if len(winners) > 1:
        return f"{len(winners)} of {len(won)} creations of one object at once succeeded"
    if winners and winners[0] != holder:
        return "a creation that succeeded was overwritten by one that failed"
    if not winners and won[holder] is not None:
        return f"none of {len(won)} creations of one object at once succeeded"
    return None


def scratch_key() -> str:
    """A name that nobody used before, hidden from listings of other engines."""
    return f".arbitration-{uuid.uuid4().hex}"


def remove(store: Store, key: str) -> None:
    """Deletes a scratch object, as far as the storage lets us."""
    with contextlib.suppress(StorageUnavailableError):
        store.delete(key)
