"""Names and places of a table's files, relative to the table's folder.

::

    schema/schema-<id>          snapshot/snapshot-<id>, LATEST, EARLIEST
    manifest/manifest-<uuid>-<n>, manifest-list-<uuid>-<n>, index-manifest-<uuid>-<n>
    index/index-<uuid>-<n>      statistics/stat-<uuid>-<n>
    changelog/changelog-<id>    tag/tag-<name>    consumer/consumer-<id>
    branch/branch-<name>/…      schema, snapshot, tag, changelog and consumer of a branch
    [<path directory>/]<k>=<v>/…/bucket-<n>/<file>
    tablestore/jobs, job-<name>    what no other engine knows; see ``format.job``

Source: ``org.apache.paimon.utils.FileStorePathFactory``, ``SnapshotManager``, ``BranchManager``,
``org.apache.paimon.io.DataFilePathFactory``.
"""

from __future__ import annotations

import re
from typing import Final

from tablestore.errors import UnsupportedFormatError

SCHEMA_FOLDER: Final = "schema"
SNAPSHOT_FOLDER: Final = "snapshot"
MANIFEST_FOLDER: Final = "manifest"
INDEX_FOLDER: Final = "index"
CHANGELOG_FOLDER: Final = "changelog"
TAG_FOLDER: Final = "tag"
BRANCH_FOLDER: Final = "branch"
CONSUMER_FOLDER: Final = "consumer"
STATISTICS_FOLDER: Final = "statistics"
OWN_FOLDER: Final = "tablestore"
LATEST_HINT: Final = "snapshot/LATEST"
EARLIEST_HINT: Final = "snapshot/EARLIEST"
SNAPSHOT_PREFIX: Final = "snapshot-"
SCHEMA_PREFIX: Final = "schema-"
MAIN_BRANCH: Final = "main"
POSTPONE_BUCKET: Final = -2

_POSTPONE_FOLDER: Final = "bucket-postpone"
_CODEC_EXTENSIONS: Final = frozenset({"gz", "bz2", "zst", "snappy", "lz4", "deflate", "lzo"})
_DIGITS: Final = re.compile(r"[0-9]{1,19}")


def snapshot_path(snapshot_id: int) -> str:
    """Place of a snapshot file."""
    return f"{SNAPSHOT_FOLDER}/{SNAPSHOT_PREFIX}{snapshot_id}"


def schema_path(schema_id: int) -> str:
    """Place of a schema file."""
    return f"{SCHEMA_FOLDER}/{SCHEMA_PREFIX}{schema_id}"


def manifest_path(name: str) -> str:
    """Place of a manifest, a manifest list or an index manifest."""
    return f"{MANIFEST_FOLDER}/{name}"


def index_path(name: str) -> str:
    """Place of an index file that has no external path."""
    return f"{INDEX_FOLDER}/{name}"


def changelog_path(snapshot_id: int) -> str:
    """Place of a long-lived changelog file."""
    return f"{CHANGELOG_FOLDER}/changelog-{snapshot_id}"


def tag_path(name: str) -> str:
    """Place of a tag file."""
    return f"{TAG_FOLDER}/tag-{name}"


def consumer_path(name: str) -> str:
    """Place of a consumer file."""
    return f"{CONSUMER_FOLDER}/consumer-{name}"


def branch_folder(name: str) -> str:
    """Folder of a branch's metadata, empty for the main branch."""
    return "" if name == MAIN_BRANCH else f"{BRANCH_FOLDER}/branch-{name}"


def bucket_folder(bucket: int) -> str:
    """Name of a bucket's folder."""
    return _POSTPONE_FOLDER if bucket == POSTPONE_BUCKET else f"bucket-{bucket}"


def numbered(name: str, prefix: str) -> int | None:
    """The number behind the prefix of a file name; ``None`` where it is another kind of name."""
    rest = name.removeprefix(prefix)
    return int(rest) if len(rest) < len(name) and _DIGITS.fullmatch(rest) else None


def manifest_name(uuid: str, number: int) -> str:
    """Name of a new manifest."""
    return f"manifest-{uuid}-{number}"


def manifest_list_name(uuid: str, number: int) -> str:
    """Name of a new manifest list."""
    return f"manifest-list-{uuid}-{number}"


def index_manifest_name(uuid: str, number: int) -> str:
    """Name of a new index manifest."""
    return f"index-manifest-{uuid}-{number}"


def index_name(uuid: str, number: int) -> str:
    """Name of a new index file."""
    return f"index-{uuid}-{number}"


def new_file_name(prefix: str, uuid: str, number: int, extension: str) -> str:
    """Name of a new data or changelog file.

    Args:
        prefix: ``data-file.prefix`` or ``changelog-file.prefix``.
        uuid: one for all files of a writer.
        number: counts the files of that writer.
        extension: the format, e.g. ``parquet``.
    """
    return f"{prefix}{uuid}-{number}.{extension}"


def file_format(name: str) -> str:
    """The format of a data file by its name: the last extension that is not a codec's.

    Raises:
        UnsupportedFormatError: the name has none.
    """
    for extension in reversed(name.split(".")[1:]):
        if extension not in _CODEC_EXTENSIONS:
            return extension.lower()
    raise UnsupportedFormatError(f"data file {name} has no format in its name")
