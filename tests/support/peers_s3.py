"""Warehouses on S3 as the other engines are told of them: ``s3://bucket/path?endpoint=…``."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl


def warehouse_text(uri: str, options: dict[str, str]) -> str:
    """A warehouse and how to reach it, as one text for a peer's process."""
    words = {"endpoint": "endpoint_url", "key": "key", "secret": "secret"}
    return f"{uri}?" + "&".join(f"{word}={options[name]}" for word, name in words.items())


def catalog_options(warehouse: str) -> dict[str, str]:
    """The catalog options of Paimon, in Java and in Python, for a path or such a text."""
    uri, separator, query = warehouse.partition("?")
    if not separator:
        return {"warehouse": str(Path(warehouse).resolve())}
    given = dict(parse_qsl(query))
    return {
        "warehouse": uri,
        "s3.endpoint": given["endpoint"],
        "s3.access-key": given["key"],
        "s3.secret-key": given["secret"],
        "s3.path.style.access": "true",
        "fs.s3.endpoint": given["endpoint"],
        "fs.s3.accessKeyId": given["key"],
        "fs.s3.accessKeySecret": given["secret"],
        "fs.s3.region": "us-east-1",
    }
