"""A small S3 server over real HTTP, for one process: objects in memory, every request noted.

It does what a test scripts it to do wrong: answers that get lost, errors, silence. It judges
nothing that a real server must judge (see tests/conformance/test_s3_*): signatures are not checked,
only which key signed.
"""

from __future__ import annotations

import hashlib
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

KEY, SECRET = "AKIDFAKE0001", "fake+secret/0001"
LOST = "lost"  # done, but the connection ends before the answer
DROPPED = "dropped"  # the connection ends, and nothing was done
SILENT = "silent"  # nothing is done and nothing answered until the server stops


@dataclass
class Seen:
    """One request as the server saw it."""

    method: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class FakeS3:
    """The server; use it as a context."""

    objects: dict[str, bytes] = field(default_factory=dict, repr=False)
    seen: list[Seen] = field(default_factory=list, repr=False)
    # what to do wrong with a request: a status with a code, one of the words above, or nothing
    fault: Callable[[Seen], tuple[int, str] | str | None] = lambda seen: None
    keys: set[str] = field(default_factory=lambda: {KEY})
    tokens: set[str] | None = None
    conditional: bool = True
    page: int = 1000

    def __post_init__(self):
        self.lock = threading.Lock()
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.stopping = threading.Event()

    def __enter__(self):
        fake = self

        class Handler(_Handler):
            server_of = fake

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *problem):
        self.stopping.set()
        self.http.shutdown()
        self.http.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    @property
    def options(self) -> dict[str, str]:
        return {"key": KEY, "secret": SECRET, "endpoint_url": self.endpoint}

    def methods(self) -> list[str]:
        return [seen.method for seen in self.seen]

    # -- what the verbs do: (status, body, headers) ----------------------------------------------

    def answer(self, seen: Seen, body: bytes):
        allowed = self._denied(seen)
        if allowed is not None:
            return allowed
        if not seen.key and seen.method in ("GET", "HEAD"):
            return self._list(seen)
        if "uploads" in seen.query or "uploadId" in seen.query:
            return self._multipart(seen, body)
        verb = {"GET": self._get, "HEAD": self._get, "PUT": self._put, "DELETE": self._delete}
        return verb[seen.method](seen, body)

    def _denied(self, seen: Seen):
        signed = re.search(r"Credential=([^/]+)/", seen.headers.get("authorization", ""))
        if signed is None or signed[1] not in self.keys:
            return problem(403, "InvalidAccessKeyId", "The Access Key Id does not exist")
        token = seen.headers.get("x-amz-security-token")
        if self.tokens is not None and token not in self.tokens:
            return problem(400, "ExpiredToken", "The provided token has expired")
        return None

    def _get(self, seen: Seen, body: bytes):
        data = self.objects.get(seen.key)
        if data is None:
            return problem(404, "NoSuchKey", "The specified key does not exist")
        span = re.match(r"bytes=(\d+)-(\d*)", seen.headers.get("range", ""))
        if span is None:
            return 200, data, {}
        start, end = int(span[1]), int(span[2] or len(data) - 1)
        if start >= len(data):
            return problem(416, "InvalidRange", "The requested range is not satisfiable")
        return 206, data[start : end + 1], {}

    def _put(self, seen: Seen, body: bytes):
        source = seen.headers.get("x-amz-copy-source")
        if source is not None:
            body = self.objects[unquote(source).lstrip("/").partition("/")[2]]
        with self.lock:
            only_new = self.conditional and seen.headers.get("if-none-match") == "*"
            if only_new and seen.key in self.objects:
                return problem(412, "PreconditionFailed", "At least one precondition failed")
            self.objects[seen.key] = body
        return 200, _copied(body) if source is not None else b"", {"ETag": etag(body)}

    def _delete(self, seen: Seen, body: bytes):
        with self.lock:
            self.objects.pop(seen.key, None)
        return 204, b"", {}

    def _multipart(self, seen: Seen, body: bytes):
        if "uploads" in seen.query:
            upload = uuid.uuid4().hex
            self.uploads[upload] = {}
            return 200, xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>"), {}
        upload = seen.query["uploadId"]
        if upload not in self.uploads:
            return problem(404, "NoSuchUpload", "The specified upload does not exist")
        if seen.method == "PUT":
            self.uploads[upload][int(seen.query["partNumber"])] = body
            return 200, b"", {"ETag": etag(body)}
        parts = self.uploads.pop(upload)
        if seen.method == "DELETE":
            return 204, b"", {}
        with self.lock:
            self.objects[seen.key] = b"".join(part for _, part in sorted(parts.items()))
        return 200, xml("CompleteMultipartUploadResult", f"<Key>{escape(seen.key)}</Key>"), {}

    def _list(self, seen: Seen):
        prefix, after = seen.query.get("prefix", ""), seen.query.get("continuation-token", "")
        slash = seen.query.get("delimiter")
        names: list[str] = []
        for key in sorted(k for k in self.objects if k.startswith(prefix)):
            rest = key[len(prefix) :]
            folder = slash and slash in rest
            name = prefix + rest.partition("/")[0] + "/" if folder else key
            if name > after and name not in names:
                names.append(name)
        count = min(self.page, int(seen.query.get("max-keys", self.page)))
        shown, more = names[:count], len(names) > count
        text = "".join(self._line(name, slash) for name in shown)
        text += f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        if more:
            text += f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>"
        return 200, xml("ListBucketResult", text), {}

    def _line(self, name: str, slash: str | None) -> str:
        if slash and name.endswith("/") and name not in self.objects:
            return f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
        return (
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.objects[name])}</Size>"
            f"<LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>"
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: FakeS3

    def log_message(self, *arguments):
        pass

    def handle_one(self):
        fake = self.server_of
        url = urlsplit(self.path)
        _, _, key = url.path.lstrip("/").partition("/")
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        seen = Seen(self.command, unquote(key), query, headers)
        fake.seen.append(seen)
        wrong = fake.fault(seen)
        if wrong == SILENT:
            fake.stopping.wait()
        if wrong in (SILENT, DROPPED):
            self.close_connection = True
            return
        status, data, more = (
            problem(*wrong, "scripted") if isinstance(wrong, tuple) else (fake.answer(seen, body))
        )
        if wrong == LOST:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {"Last-Modified": formatdate(usegmt=True), **more}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_one  # noqa: N815


def xml(root: str, text: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root}>{text}</{root}>'.encode()


def problem(status: int, code: str, message: str):
    text = f"<Code>{code}</Code><Message>{message}</Message>"
    return status, xml("Error", text), {"Content-Type": "application/xml"}


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _copied(data: bytes) -> bytes:
    return xml("CopyObjectResult", f"<ETag>{escape(etag(data))}</ETag>")
