"""A new object of S3, written front to back: one PUT where it is small, an upload in parts else."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from tablestore.errors import NotFoundError, TablestoreError
from tablestore.store.s3_client import S3RequestError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from tablestore.store.base import ObjectInfo
    from tablestore.store.s3_client import S3Client
    from tablestore.store.s3_failure import Failure

# Parts of one size (some servers insist), big enough for a round trip to be cheap, and few enough
# in memory: one being filled and two on their way.
PART_BYTES: Final = 8 << 20
_ON_THEIR_WAY: Final = 2
_PARTS_MAX: Final = 10_000


class Uploads(Protocol):
    """What a stream needs of the store that it writes to."""

    @property
    def bucket(self) -> str: ...

    @property
    def client(self) -> S3Client: ...

    def count(self, verb: str) -> None: ...

    def put(self, key: str, data: bytes) -> None: ...

    def head(self, key: str) -> ObjectInfo | None: ...

    def call(self, method: str, key: str, action: str, verb: str, **more: Any) -> Any: ...  # noqa: ANN401

    def error(self, failure: Failure, name: str, action: str) -> TablestoreError: ...


class S3WriteStream:
    """An object that appears, whole, when it is closed.

    Args:
        store: where it will lie.
        key: of the object.
        name: of the object in its bucket.
    """

    def __init__(self, store: Uploads, key: str, name: str) -> None:
        self._store = store
        self._key = key
        self._name = name
        self._buffer = bytearray()
        self._written = 0
        self._upload: str | None = None
        self._sent = 0
        self._tags: dict[int, str] = {}
        self._waiting: list[tuple[int, Future[Any]]] = []
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        count = memoryview(data).nbytes
        self._buffer += data
        self._written += count
        while len(self._buffer) > self._part_bytes():
            self._send_part()
        return count

    def flush(self) -> None:
        """Does nothing: a part has a minimum size, and only :meth:`close` promises anything."""

    def tell(self) -> int:
        return self._written

    def close(self) -> None:
        if self._closed:
            return
        if self._upload is None:
            self._store.put(self._key, bytes(self._buffer))
        else:
            self._complete()
        self._closed = True
        self._buffer = bytearray()

    def abort(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._buffer = bytearray()
        if self._upload is None:
            return
        for _, part in self._waiting:
            part.cancel()
        self._store.count("abort_upload")
        with contextlib.suppress(S3RequestError):
            self._store.client.call(
                "abort_multipart_upload",
                Bucket=self._store.bucket,
                Key=self._name,
                UploadId=self._upload,
            )

    def _part_bytes(self) -> int:
        """The size of the next part; it doubles where the number of parts comes near its end."""
        return PART_BYTES << (self._sent // (_PARTS_MAX // 4))

    def _send_part(self) -> None:
        size = self._part_bytes()
        part = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        self._begin(part)

    def _begin(self, part: bytes) -> None:
        """Puts one part on its way, and waits while too many are."""
        if self._upload is None:
            answer = self._store.call("create_multipart_upload", self._key, "write", "start_upload")
            self._upload = str(answer["UploadId"])
        while len(self._waiting) >= _ON_THEIR_WAY:
            self._wait_for_one()
        self._sent += 1
        self._store.count("put_part")
        client, number, upload = self._store.client, self._sent, self._upload
        sending = client.start(
            lambda: client.request(
                "upload_part",
                again=lambda: self._store.count("put_part"),
                Bucket=self._store.bucket,
                Key=self._name,
                PartNumber=number,
                UploadId=upload,
                Body=part,
            )
        )
        self._waiting.append((number, sending))

    def _wait_for_one(self) -> None:
        number, sending = self._waiting.pop(0)
        try:
            self._tags[number] = sending.result()["ETag"]
        except S3RequestError as error:
            raise self._store.error(error.failure, self._name, "write") from error

    def _complete(self) -> None:
        try:
            if self._buffer:
                self._begin(bytes(self._buffer))
            while self._waiting:
                self._wait_for_one()
            parts: list[dict[str, object]] = [
                {"PartNumber": n, "ETag": tag} for n, tag in sorted(self._tags.items())
            ]
            self._store.count("finish_upload")
            self._finish(parts)
        except TablestoreError:
            self.abort()
            raise

    def _finish(self, parts: list[dict[str, object]]) -> None:
        try:
            self._store.call(
                "complete_multipart_upload",
                self._key,
                "write",
                "finish_upload",
                UploadId=self._upload,
                MultipartUpload={"Parts": parts},
            )
        except NotFoundError:
            # An earlier try may have finished it, its answer lost: then the upload is gone.
            self._store.count("head")
            found = self._store.head(self._key)
            if found is None or found.size != self._written:
                raise
