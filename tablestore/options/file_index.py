"""The ``file-index.*`` options of a table: which columns have which index, with what settings.

::

    file-index.<type>.columns = a, b, m[k]     m[k] is the key k of the map column m
    file-index.<type>.<column>.<setting>       of one of these columns; of a map column: of all keys

Source: ``org.apache.paimon.fileindex.FileIndexOptions``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tablestore.errors import InvalidInputError, nearest
from tablestore.options.spec import all_options, parse_int, raw_value
from tablestore.options.units import parse_bytes

Setting = int | float

PREFIX: Final = "file-index."
_COLUMNS: Final = ".columns"
_THRESHOLD: Final = "file-index.in-manifest-threshold"
_KEY_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class IndexOption:
    """One index that every new data file gets.

    Attributes:
        kind: bloom-filter, bitmap, bsi or range-bitmap.
        column: a column.
        map_key: the key whose values are indexed where the column is a map; else None.
        settings: its settings by name, those that are set.
    """

    kind: str
    column: str
    map_key: str | None
    settings: Mapping[str, Setting]

    @property
    def name(self) -> str:
        """What the index is called in its container."""
        return self.column if self.map_key is None else f"{self.column}[{self.map_key}]"


@dataclass(frozen=True, slots=True)
class FileIndexOptions:
    """The indexes of new data files.

    Attributes:
        indexes: in the order of the options.
        in_manifest: bytes up to which the indexes of a file are kept in its manifest entry.
    """

    indexes: tuple[IndexOption, ...]
    in_manifest: int

    @classmethod
    def parse(cls, options: Mapping[str, str]) -> FileIndexOptions:
        """The indexes that a table's options ask for.

        Raises:
            InvalidInputError: an option names an unknown type, no column, a column without the
                index that it sets up, or has a bad value.
        """
        settings: dict[tuple[str, str], dict[str, Setting]] = {
            (kind, name): {}
            for key, value in options.items()
            if (kind := _type_of(key)) is not None
            for name in _names(key, kind, value)
        }
        shared: dict[tuple[str, str], dict[str, Setting]] = {}
        for key, value in options.items():
            parts = _parts(key)
            if parts is None:
                continue
            kind, name, setting = parts
            if (kind, name) in settings:
                settings[kind, name] |= _setting(key, kind, setting, value)
            elif any(kind == other and name == split_name(held)[0] for other, held in settings):
                found = shared.setdefault((kind, name), {})
                found.update(_setting(key, kind, setting, value))
            else:
                raise InvalidInputError(
                    f"option {key!r} is about a {kind} index of column {name!r}, which "
                    f"'{PREFIX}{kind}{_COLUMNS}' does not name",
                    option=key,
                )
        indexes = tuple(_index(kind, name, own, shared) for (kind, name), own in settings.items())
        return cls(indexes, parse_bytes(raw_value(options, _THRESHOLD) or "0"))


def check_new_key(key: str) -> None:
    """Refuse a ``file-index.*`` option that would be ignored.

    Raises:
        InvalidInputError: it is none of the options drawn above, or its setting is unknown.
    """
    if not key.startswith(PREFIX) or key in all_options() or _type_of(key) is not None:
        return
    parts = _parts(key)
    if parts is None:
        raise InvalidInputError(
            f"option {key!r} is not '{PREFIX}<type>{_COLUMNS}' or '{PREFIX}<type>.<column>."
            "<setting>', where the column has no dot in its name",
            option=key,
        )
    kind, _, setting = parts
    known = _known(key, kind)
    if setting not in known:
        what = ", ".join(known) if known else "none"
        raise InvalidInputError(
            f"option {key!r}: a {kind} index has no setting {setting!r}; its settings: {what}",
            option=key,
        )


def _type_of(key: str) -> str | None:
    """The type of index whose columns an option names."""
    if not key.startswith(PREFIX) or not key.endswith(_COLUMNS):
        return None
    return key[len(PREFIX) : -len(_COLUMNS)]


def _names(key: str, kind: str, value: str) -> list[str]:
    _known(key, kind)
    names = [name.strip() for name in value.split(",")]
    if not all(names):
        raise InvalidInputError(
            f"option {key!r} = {value!r} names an empty column", option=key, value=value
        )
    return names


def _parts(key: str) -> tuple[str, str, str] | None:
    """Type, column and setting of an option; None for others, which Java ignores, too."""
    if not key.startswith(PREFIX) or key.endswith(_COLUMNS):
        return None
    parts = key[len(PREFIX) :].split(".")
    return (parts[0], parts[1], parts[2]) if len(parts) == _KEY_PARTS else None


def split_name(name: str) -> tuple[str, str | None]:
    """Column and map key of an index's name: ``column[key]``, or a column and None."""
    start = name.find("[")
    if start < 0 or not name.endswith("]"):
        return name, None
    return name[:start], name[start + 1 : -1]


def _index(
    kind: str,
    name: str,
    own: Mapping[str, Setting],
    shared: Mapping[tuple[str, str], Mapping[str, Setting]],
) -> IndexOption:
    column, map_key = split_name(name)
    of_all = shared.get((kind, column), {}) if map_key is not None else {}
    return IndexOption(kind, column, map_key, {**of_all, **own})


def _known(key: str, kind: str) -> Mapping[str, Callable[[str], Setting]]:
    found = _SETTINGS.get(kind)
    if found is None:
        raise InvalidInputError(
            f"option {key!r}: there is no index of type {kind!r}{nearest(kind, _SETTINGS)}; use "
            f"one of {', '.join(sorted(_SETTINGS))}",
            option=key,
        )
    return found


def _setting(key: str, kind: str, setting: str, value: str) -> dict[str, Setting]:
    parse = _known(key, kind).get(setting)
    if parse is None:
        return {}
    try:
        return {setting: parse(value)}
    except InvalidInputError as error:
        raise InvalidInputError(f"option {key!r}: {error}", option=key, value=value) from None


def _items(text: str) -> int:
    number = parse_int(text)
    if number < 1:
        raise InvalidInputError(f"expected a number above 0, found {text!r}")
    return number


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < 1:
        raise InvalidInputError(f"expected a number between 0 and 1, found {text!r}")
    return number


def _version(text: str) -> int:
    if text.strip() not in {"1", "2"}:
        raise InvalidInputError(f"expected 1 or 2, found {text!r}")
    return int(text)


_SETTINGS: Final[Mapping[str, Mapping[str, Callable[[str], Setting]]]] = {
    "bloom-filter": {"items": _items, "fpp": _share},
    "bitmap": {"version": _version, "index-block-size": parse_bytes},
    "bsi": {},
    "range-bitmap": {"chunk-size": parse_bytes},
}
