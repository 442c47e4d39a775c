"""Opens a source as a stream of Arrow batches, in bounded memory, and names it in errors."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from tablestore.cli.read_csv import read_csv
from tablestore.cli.read_jsonl import read_jsonl
from tablestore.cli.source import STANDARD_INPUT
from tablestore.errors import InvalidInputError, NotFoundError, TablestoreError

if TYPE_CHECKING:
    from tablestore.cli.source import Source

_BATCH_ROWS = 65_536
_COPY_BYTES = 8 << 20
_ARROW_FILE_MAGIC = b"ARROW1"


@contextmanager
def open_source(source: Source) -> Iterator[pa.RecordBatchReader]:
    """The batches of a source, read as they are asked for.

    Args:
        source: what to read; its ``rows`` counts as the batches go by.

    Raises:
        InvalidInputError: One sentence that names the source and what does not fit.
        NotFoundError: There is no such file.
    """
    with _open_bytes(source) as stream:
        with _blamed(source):
            schema, batches = _READERS[source.format](stream, source)
        try:
            yield pa.RecordBatchReader.from_batches(schema, _counted(batches, source))
        except (pa.ArrowException, OSError, TablestoreError):
            if source.problem is not None:
                raise source.problem from None
            raise


def _counted(batches: Iterable[pa.RecordBatch], source: Source) -> Iterator[pa.RecordBatch]:
    iterator = iter(batches)
    while True:
        with _blamed(source):
            batch = next(iterator, None)
        if batch is None:
            return
        source.rows += batch.num_rows
        if source.watch is not None:
            source.watch(source.rows)
        yield batch


@contextmanager
def _blamed(source: Source) -> Iterator[None]:
    try:
        yield
    except InvalidInputError as error:
        source.problem = InvalidInputError(f"{source.name}: {error}", **error.detail)
        raise source.problem from None
    except pa.ArrowException as error:
        text = " ".join(str(error).split())
        source.problem = InvalidInputError(f"{source.name} is no readable {source.format}: {text}")
        raise source.problem from None


@contextmanager
def _open_bytes(source: Source) -> Iterator[BinaryIO]:
    if source.path != STANDARD_INPUT:
        with _open_file(source) as file:
            yield file
    elif source.format == "parquet" or _is_arrow_file(source):
        # Both are read from their end, which a pipe does not have.
        with tempfile.TemporaryFile() as spool:
            shutil.copyfileobj(sys.stdin.buffer, spool, _COPY_BYTES)
            spool.seek(0)
            yield spool
    else:
        yield sys.stdin.buffer


def _open_file(source: Source) -> pa.NativeFile:
    path = Path(source.path).expanduser()
    if not path.exists():
        raise NotFoundError(f"no such file: {source.path}")
    if path.is_dir():
        raise InvalidInputError(f"{source.path} is a folder: expected a {source.format} file")
    if source.format in {"parquet", "arrow"}:
        return pa.OSFile(str(path))
    return pa.input_stream(str(path), compression="detect")


def _is_arrow_file(source: Source) -> bool:
    if source.format != "arrow":
        return False
    peek = getattr(sys.stdin.buffer, "peek", None)  # there is none where a test replaces the stream
    return peek is not None and bytes(peek(len(_ARROW_FILE_MAGIC))).startswith(_ARROW_FILE_MAGIC)


def _read_parquet(stream: BinaryIO, _: Source) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(stream)
    return file.schema_arrow, file.iter_batches(batch_size=_BATCH_ROWS)


def _read_arrow(stream: BinaryIO, _: Source) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    if stream is not sys.stdin.buffer:  # a file, or a spool: which of the two is in its first bytes
        whole = stream.read(len(_ARROW_FILE_MAGIC)) == _ARROW_FILE_MAGIC
        stream.seek(0)
        if whole:
            file = pa.ipc.open_file(stream)
            return file.schema, map(file.get_batch, range(file.num_record_batches))
    reader = pa.ipc.open_stream(stream)
    return reader.schema, iter(reader)


_READERS = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": _read_parquet,
    "arrow": _read_arrow,
}
