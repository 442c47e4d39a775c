"""Consumers: how far the named readers of a table have come.

Source: ``org.apache.paimon.consumer.ConsumerManager``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tablestore.errors import NotFoundError
from tablestore.format.consumer import decode_consumer
from tablestore.format.paths import CONSUMER_FOLDER, consumer_path

if TYPE_CHECKING:
    from tablestore.format.consumer import Consumer
    from tablestore.store.base import Store

_PREFIX = "consumer-"


class Consumers:
    """The consumers of one table or branch.

    Args:
        store: rooted at the table.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self) -> list[str]:
        """Names of all consumers, sorted."""
        listed = (info.name for info in self._store.list(CONSUMER_FOLDER) if not info.is_folder)
        return sorted(name[len(_PREFIX) :] for name in listed if name.startswith(_PREFIX))

    def find(self, name: str) -> Consumer | None:
        """The consumer of a name, or None.

        Raises:
            CorruptDataError: its file is damaged.
        """
        key = consumer_path(name)
        try:
            data = self._store.get(key)
        except NotFoundError:
            return None
        return decode_consumer(data, name=key)
