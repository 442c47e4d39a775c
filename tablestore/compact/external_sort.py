"""Sort any number of rows in bounded memory.

What fits is sorted at once. What does not is cut into ranges of the order, by a sample of all
rows; each range goes to a local file first and is sorted when its turn comes, cut again if it is
still too large.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pyarrow as pa

from tablestore.compact.curve import SortOrder, compare_images, distinct
from tablestore.datafile.protocol import BATCH_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COPIES: Final = 4
"""Rows that are sorted exist as they came, in one piece and in order; some space is left."""
_RANGES_MAX: Final = 256
_SAMPLES_MAX: Final = 50_000
_SAMPLES_A_RANGE: Final = 200


class Rows(Protocol):
    """Rows that can be read more than once."""

    @property
    def count(self) -> int:
        """About how many."""
        ...

    def batches(self, columns: tuple[str, ...] | None = None) -> Iterator[pa.RecordBatch]:
        """All of them, with all columns or some."""
        ...


@dataclass(frozen=True)
class Sorting:
    """How to sort.

    Attributes:
        order: of the rows.
        memory: bytes that rows may take at a time.
        go_on: called between batches; its error ends the work.
    """

    order: SortOrder
    memory: int
    go_on: Callable[[], None] = lambda: None

    @property
    def held(self) -> int:
        """Bytes of rows and keys that are sorted at once."""
        return max(self.memory // _COPIES, 1)

    def weight(self, rows: pa.RecordBatch) -> int:
        """Bytes of rows and of their keys, of which there are two forms at a time."""
        if rows.num_rows == 0:
            return 0
        width = self.order.images(rows.slice(0, 1)).shape[1]
        return int(rows.nbytes + 2 * width * rows.num_rows)


def sorted_rows(rows: Rows, sorting: Sorting) -> Iterator[pa.RecordBatch]:
    """The rows in order.

    Raises:
        whatever ``go_on`` raises; the local files are removed.
    """
    held: list[pa.RecordBatch] = []
    size = 0
    rest = (batch for batch in rows.batches() if batch.num_rows)
    for batch in rest:
        sorting.go_on()
        held.append(batch)
        size += sorting.weight(batch)
        if size > sorting.held:
            break
    else:
        yield from _sorted_at_once(held, sorting)
        return
    seen = sum(batch.num_rows for batch in held)
    expected = size * max(rows.count / max(seen, 1), 1)
    # ranges half as large as they may be, since a sample is not exact
    wanted = min(max(int(expected / sorting.held * 2) + 1, 2), _RANGES_MAX)
    cuts = _cuts(rows, sorting, wanted)
    if cuts is None:
        # nothing the images tell tells these rows apart: pieces of them are in order
        yield from _sorted_in_pieces(itertools.chain(_drained(held), rest), sorting)
        return
    with tempfile.TemporaryDirectory(prefix="tablestore-sort-") as folder:
        spill = _Spill(Path(folder), cuts, sorting)
        try:
            for batch in itertools.chain(_drained(held), rest):
                sorting.go_on()
                spill.add(batch)
        finally:
            spill.close()
        for part in spill.parts():
            yield from sorted_rows(part, sorting)
            part.path.unlink()


def _drained(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    batches.reverse()
    while batches:
        yield batches.pop()


def _sorted_at_once(held: list[pa.RecordBatch], sorting: Sorting) -> Iterator[pa.RecordBatch]:
    if not held:
        return
    rows = pa.concat_batches(held)
    held.clear()
    order = sorting.order.sorted(rows)
    for start in range(0, len(order), BATCH_ROWS):
        sorting.go_on()
        yield rows.take(pa.array(order[start : start + BATCH_ROWS]))


def _sorted_in_pieces(
    batches: Iterable[pa.RecordBatch], sorting: Sorting
) -> Iterator[pa.RecordBatch]:
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += sorting.weight(batch)
        if size > sorting.held:
            yield from _sorted_at_once(held, sorting)
            size = 0
    yield from _sorted_at_once(held, sorting)


def _cuts(rows: Rows, sorting: Sorting, wanted: int) -> NDArray[Any] | None:
    """Images where ranges begin, ascending; None where a sample finds one image only."""
    sample = _sample(rows, sorting, min(wanted * _SAMPLES_A_RANGE, _SAMPLES_MAX))
    values = distinct(sample)
    if len(values) < 2:
        return None
    images = np.sort(compare_images(np.concatenate(sample, axis=0)))
    places = np.linspace(0, len(images), wanted, endpoint=False)[1:].astype(np.intp)
    cuts = np.unique(images[places])
    cuts = cuts[cuts > values[0]]
    return cuts if len(cuts) else values[1:2]


def _sample(rows: Rows, sorting: Sorting, wanted: int) -> list[NDArray[np.uint8]]:
    """The images of rows from everywhere; at least one row of every batch."""
    chance = np.random.default_rng(rows.count)
    share = min(wanted / max(rows.count, 1), 1.0)
    sample = []
    for batch in rows.batches(sorting.order.columns):
        sorting.go_on()
        if batch.num_rows:
            count = max(int(chance.binomial(batch.num_rows, share)), 1)
            at = np.sort(chance.choice(batch.num_rows, count, replace=False))
            sample.append(sorting.order.images(batch.take(pa.array(at))))
    return sample


@dataclass(frozen=True)
class _Part:
    """A range of the order in a local file."""

    path: Path
    count: int

    def batches(self, columns: tuple[str, ...] | None = None) -> Iterator[pa.RecordBatch]:
        if not self.path.exists():
            return
        with pa.OSFile(str(self.path)) as source, pa.ipc.open_stream(source) as reader:
            for batch in reader:
                yield batch if columns is None else batch.select(list(columns))


class _Spill:
    """Rows on their way to the local file of their range."""

    def __init__(self, folder: Path, cuts: NDArray[Any], sorting: Sorting) -> None:
        self._cuts = cuts
        self._order = sorting.order
        self._waiting: list[list[pa.RecordBatch]] = [[] for _ in range(len(cuts) + 1)]
        self._bytes = 0
        self._limit = sorting.held // 2
        self._counts = [0] * (len(cuts) + 1)
        self._paths = [folder / str(number) for number in range(len(cuts) + 1)]
        self._writers: dict[int, tuple[pa.OSFile, pa.ipc.RecordBatchStreamWriter]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        images = compare_images(self._order.images(batch))
        ranges = np.searchsorted(self._cuts, images, side="right")
        by_range = np.argsort(ranges, kind="stable")
        rows = batch.take(pa.array(by_range))
        ends = np.searchsorted(ranges[by_range], np.arange(len(self._cuts) + 1), side="right")
        for number, (start, end) in enumerate(itertools.pairwise([0, *ends.tolist()])):
            if end > start:
                self._waiting[number].append(rows.slice(start, end - start))
                self._counts[number] += end - start
        self._bytes += rows.nbytes
        if self._bytes > self._limit:
            self._flush()

    def _flush(self) -> None:
        for number, pieces in enumerate(self._waiting):
            if pieces:
                writer = self._writer(number, pieces[0].schema)
                whole = pa.concat_batches(pieces)
                for start in range(0, whole.num_rows, BATCH_ROWS):
                    writer.write_batch(whole.slice(start, BATCH_ROWS))
                pieces.clear()
        self._bytes = 0

    def _writer(self, number: int, schema: pa.Schema) -> pa.ipc.RecordBatchStreamWriter:
        if number not in self._writers:
            sink = pa.OSFile(str(self._paths[number]), "wb")
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writers[number] = (sink, pa.ipc.new_stream(sink, schema, options=options))
        return self._writers[number][1]

    def close(self) -> None:
        """Write what waits and close the files."""
        try:
            self._flush()
        finally:
            for sink, writer in self._writers.values():
                writer.close()
                sink.close()
            self._writers = {}

    def parts(self) -> Sequence[_Part]:
        """The ranges that have rows, in order."""
        return [
            _Part(path, count)
            for path, count in zip(self._paths, self._counts, strict=True)
            if count
        ]
