"""The long-lived changelog: the snapshot file kept for its changes after the snapshot expired.

It is the snapshot file under ``changelog/changelog-<id>``. The manifest lists that it names as
base and delta may be gone; what can be read is the changelog list, or the delta list where the
table has no changelog producer.

Source: ``org.apache.paimon.Changelog``.
"""

from __future__ import annotations

from tablestore.errors import CorruptDataError
from tablestore.format.snapshot import Snapshot, decode_snapshot, encode_snapshot


def decode_changelog(data: bytes, *, name: str | None = None) -> Snapshot:
    """The expired snapshot that the bytes hold.

    Raises:
        CorruptDataError: the bytes are not a snapshot.
        UnsupportedFormatError: a version that this library does not know.
    """
    try:
        return decode_snapshot(data, name=name)
    except CorruptDataError as error:
        raise CorruptDataError(
            "changelog",
            name=error.name,
            offset=error.offset,
            expected=error.expected,
            found=error.found,
        ) from None


def encode_changelog(snapshot: Snapshot) -> bytes:
    """The bytes of the changelog file of an expired snapshot."""
    return encode_snapshot(snapshot)


def changes_list(snapshot: Snapshot) -> str:
    """Name of the manifest list that holds the changes of an expired snapshot."""
    return snapshot.changelog_manifest_list or snapshot.delta_manifest_list
