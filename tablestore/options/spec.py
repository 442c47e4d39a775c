"""What is known of each option: type, default, and whether tablestore honours it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from tablestore.errors import InvalidInputError
from tablestore.options.known import OPTIONS, PATTERNS
from tablestore.options.units import parse_bool, parse_bytes, parse_duration_ms

Status = Literal["honoured", "no_effect", "refused"]

_FALLBACK_KEYS: Final = {
    "blob-descriptor-field": ("blob.stored-descriptor-fields",),
    "clustering.columns": ("sink.clustering.by-columns",),
    "clustering.strategy": ("sink.clustering.strategy",),
    "file-operation.thread-num": ("delete-file.thread-num",),
    "ignore-delete": (
        "first-row.ignore-delete",
        "deduplicate.ignore-delete",
        "partial-update.ignore-delete",
    ),
    "lookup-wait": ("changelog-producer.lookup-wait",),
    "scan.mode": ("log.scan",),
    "scan.timestamp-millis": ("log.scan.timestamp-millis",),
    "snapshot.clean-empty-directories": ("snapshot.expire.clean-empty-directories",),
    "variant.shreddingSchema": ("parquet.variant.shreddingSchema",),
    "write-only": ("write.compaction-skip",),
    "write.batch-size": ("orc.write.batch-size",),
}

# values of refused options, beside the default, that ask for nothing we do not do
_HARMLESS: Final = {
    "file.format": re.compile(r"parquet|orc|avro"),
    "file.format.per.level": re.compile(
        r"\s*\d+\s*:\s*(parquet|orc|avro)\s*(,\s*\d+\s*:\s*(parquet|orc|avro)\s*)*"
    ),
    "scan.mode": re.compile(r"latest-full|full|latest"),
    "snapshot.ignore-empty-commit": re.compile(r"true"),
}

_STATS_MODE = re.compile(r"none|counts|full|truncate\(\s*[1-9][0-9]{0,8}\s*\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One option.

    Attributes:
        key: its name, or a pattern with ``*``.
        type: bool, int, long, float, double, str, size, dur, map, stats or enum.
        default: as text; None where it is unset.
        flags: see ``known.py``.
        doc: what it means.
        allowed: the values of an enum.
    """

    key: str
    type: str
    default: str | None
    flags: str
    doc: str
    allowed: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """Honoured, accepted without effect, or refused (its default is always accepted)."""
        return "honoured" if "Y" in self.flags else "no_effect" if "N" in self.flags else "refused"

    @property
    def immutable(self) -> bool:
        """True where it may not change once the table has a snapshot."""
        return "I" in self.flags

    @property
    def keyed_only(self) -> bool:
        """True where it means something on primary-key tables only."""
        return "K" in self.flags

    @property
    def unit(self) -> str | None:
        """Of the parsed value: bytes, ms, or none."""
        return {"size": "bytes", "dur": "ms"}.get(self.type)

    @property
    def only_default(self) -> bool:
        """True where its default is the only value of a refused option that is accepted."""
        return self.default is not None and self.key not in _HARMLESS

    def check(self, value: str) -> None:
        """Refuse a value that is not of the option's type.

        Raises:
            InvalidInputError: says what was expected.
        """
        if self.type == "enum" and value.strip().lower() not in self.allowed:
            raise InvalidInputError(f"expected one of {', '.join(self.allowed)}, found {value!r}")
        parse = _PARSERS.get(self.type)
        if parse is not None:
            parse(value)

    def accepts(self, value: str) -> bool:
        """True where the value asks for nothing that tablestore does not do."""
        if self.status != "refused":
            return True
        text = value.strip()
        if self.type in {"enum", "bool"}:
            text = text.lower()
        harmless = _HARMLESS.get(self.key)
        return text in {"", self.default} or bool(harmless and harmless.fullmatch(text.lower()))


def _integer(bits: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        try:
            number = int(value.strip())
        except ValueError:
            raise InvalidInputError(f"expected a whole number, found {value!r}") from None
        if not -(1 << bits - 1) <= number < 1 << bits - 1:
            raise InvalidInputError(f"expected a number of {bits} bits, found {value!r}")
        return number

    return parse


def parse_number(value: str) -> float:
    """A finite number with or without a fraction.

    Raises:
        InvalidInputError: the text is not a number.
    """
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInputError(f"expected a number, found {value!r}")
    return number


def parse_map(value: str) -> dict[str, str]:
    """The entries of ``k:v,k:v``.

    Raises:
        InvalidInputError: an entry has no colon.
    """
    entries = [entry.partition(":") for entry in value.split(",") if entry.strip()]
    for key, colon, _ in entries:
        if not colon:
            raise InvalidInputError(f"expected 'key:value' entries, found {key.strip()!r}")
    return {key.strip(): text.strip() for key, _, text in entries}


def parse_stats_mode(value: str) -> str:
    """``none``, ``counts``, ``full`` or ``truncate(n)``, in lower case without spaces.

    Raises:
        InvalidInputError: the value is none of them.
    """
    if not _STATS_MODE.fullmatch(value.strip()):
        raise InvalidInputError(f"expected none, counts, truncate(n) or full, found {value!r}")
    return value.strip().lower().replace(" ", "")


parse_int: Final = _integer(32)
parse_long: Final = _integer(64)

_PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    "bool": parse_bool,
    "int": parse_int,
    "long": parse_long,
    "float": parse_number,
    "double": parse_number,
    "size": parse_bytes,
    "dur": parse_duration_ms,
    "map": parse_map,
    "stats": parse_stats_mode,
}


def _read(text: str) -> Iterator[OptionSpec]:
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        key, kind, default, flags, doc = (cell.strip() for cell in line.split("|"))
        kind, _, allowed = kind.partition(" ")
        values = tuple(allowed.split("/")) if allowed else ()
        yield OptionSpec(key, kind, default or None, flags, doc, values)


@cache
def all_options() -> Mapping[str, OptionSpec]:
    """Every option that has one fixed name, by name."""
    return {spec.key: spec for spec in _read(OPTIONS)}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], OptionSpec], ...]:
    return tuple(
        (re.compile(re.escape(spec.key).replace(r"\*", "(.+)")), spec) for spec in _read(PATTERNS)
    )


@cache
def _canonical() -> Mapping[str, str]:
    return {old: key for key, olds in _FALLBACK_KEYS.items() for old in olds}


def find(key: str) -> OptionSpec | None:
    """What is known of an option, also by one of its older names; None where it is unknown."""
    spec = all_options().get(_canonical().get(key, key))
    if spec is not None:
        return spec
    return next((spec for pattern, spec in _patterns() if pattern.fullmatch(key)), None)


def raw_value(options: Mapping[str, str], key: str) -> str | None:
    """The text of an option: set under its name, under an older name, or the default."""
    for name in (key, *_FALLBACK_KEYS.get(key, ())):
        if name in options:
            return options[name]
    return all_options()[key].default
