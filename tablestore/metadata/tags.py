"""Tags: snapshots under a name.

Source: ``org.apache.paimon.utils.TagManager``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tablestore.errors import NotFoundError, nearest
from tablestore.format.paths import TAG_FOLDER, tag_path
from tablestore.format.tag import decode_tag

if TYPE_CHECKING:
    from tablestore.format.tag import Tag
    from tablestore.store.base import Store

_PREFIX = "tag-"


class Tags:
    """The tags of one table or branch.

    Args:
        store: rooted at the table.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self) -> list[str]:
        """Names of all tags, sorted."""
        listed = (info.name for info in self._store.list(TAG_FOLDER) if not info.is_folder)
        return sorted(name[len(_PREFIX) :] for name in listed if name.startswith(_PREFIX))

    def load(self, name: str) -> Tag:
        """The tag of a name.

        Raises:
            NotFoundError: there is none.
            CorruptDataError: its file is damaged.
        """
        key = tag_path(name)
        try:
            data = self._store.get(key)
        except NotFoundError:
            raise NotFoundError(
                f"{self._store.uri} has no tag {name!r}{nearest(name, self.names())}", tag=name
            ) from None
        return decode_tag(data, name=key)
