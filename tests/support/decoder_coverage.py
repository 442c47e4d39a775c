"""How much of the decoders the damaged inputs reach, without any other test.

What counts is found by a rule: the lines of every function of `tablestore/format` and
`tablestore/datafile` that can be reached from the entries of `decoders.DECODERS`. A function
reaches what its code names:

- global names, and names that it imports, as they are at run time: functions, and classes;
- members of reached classes whose name its code has as an attribute; special methods, and the
  public members of a class that is an entry, always;
- functions inside of tables and shapes (`dict`, `tuple`, dataclasses) that it names.

Names of encoders (`ENCODING`, `encode_…`, `write_…`) are not followed. So encoders in the same
module do not count, as no decoder names them.

`python -m tests.support.decoder_coverage [share of the inputs] [seed]` prints the shares.
"""

from __future__ import annotations

import dataclasses
import dis
import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.support.decoders import DECODERS, damaged
from tests.support.line_events import line_events

ROOMS = ("tablestore.format.", "tablestore.datafile.")
ENCODING = frozenset({"parts", "encode", "encode_null"})
FEWEST = 450  # inputs of a decoder
DEPTH = 8  # of tables inside of tables

Lines = dict[str, set[int]]


def entry(text: str) -> Callable[..., object]:
    """The function or class of `module:name`."""
    module, _, name = text.partition(":")
    found: Callable[..., object] = getattr(importlib.import_module(f"tablestore.{module}"), name)
    return found


class Reach:
    """All functions that can be reached from some entries, by the rule above."""

    def __init__(self, entries: Iterable[object]) -> None:
        self.functions: dict[CodeType, FunctionType] = {}
        self.classes: dict[type, set[str]] = {}
        self._names: set[str] = set()
        self._seen: set[int] = set()
        self._kept: list[object] = []
        self._waiting: list[FunctionType] = []
        for item in entries:
            self._add(item)
            if isinstance(item, type):
                self._members(item, {name for name in vars(item) if not name.startswith("_")})
        while self._waiting:
            self._follow(self._waiting.pop())

    def _add(self, item: object, depth: int = 0) -> None:
        if hasattr(item, "__wrapped__"):  # caches, context managers
            item = inspect.unwrap(item)  # type: ignore[arg-type]
        if isinstance(item, FunctionType):
            made = item.__code__.co_filename == "<string>"  # by dataclasses
            if _ours(item.__module__) and not made and item.__code__ not in self.functions:
                self.functions[item.__code__] = item
                self._waiting.append(item)
        elif isinstance(item, type):
            self._add_class(item)
        elif depth < DEPTH and id(item) not in self._seen:
            self._seen.add(id(item))
            self._kept.append(item)  # an id is of one object only as long as it lives
            for part in _parts(item):
                self._add(part, depth + 1)

    def _add_class(self, item: type) -> None:
        if item in self.classes or not _ours(item.__module__):
            return
        self.classes[item] = set()
        for base in item.__mro__[1:]:
            self._add_class(base)
        self._members(item, {name for name in vars(item) if name.startswith("__")} | self._names)

    def _members(self, item: type, names: set[str]) -> None:
        for name in names & vars(item).keys():
            if name not in self.classes[item]:
                self.classes[item].add(name)
                for function in _functions(vars(item)[name]):
                    self._add(function)

    def _follow(self, function: FunctionType) -> None:
        names, attributes = _named(function.__code__)
        spaces: list[dict[str, Any]] = [function.__globals__]
        for name in names:
            if name.startswith("tablestore."):
                spaces.append(vars(importlib.import_module(name)))
        for space in spaces:
            for name in names & space.keys():
                if not isinstance(space[name], ModuleType):
                    self._add(space[name])
        for cell in function.__closure__ or ():
            self._add(cell.cell_contents)
        self._names |= attributes
        for item in list(self.classes):
            self._members(item, attributes)

    def lines(self) -> Lines:
        """By file, the lines that count."""
        found: Lines = {}
        for function in self.functions.values():
            for code in nested(function.__code__):
                found.setdefault(code.co_filename, set()).update(_lines(code))
        return found


def _ours(module: str | None) -> bool:
    return (module or "").startswith(ROOMS)


def _functions(member: object) -> Iterator[object]:
    if isinstance(member, property):
        yield from (part for part in (member.fget, member.fset) if part)
    elif isinstance(member, staticmethod | classmethod):
        yield member.__func__
    elif isinstance(member, FunctionType):
        yield member
    elif hasattr(member, "func"):  # cached_property
        yield member.func


def _named(function: CodeType) -> tuple[set[str], set[str]]:
    """Global and imported names of a function, and its attributes."""
    names: set[str] = set()
    attributes: set[str] = set()
    for code in nested(function):
        for step in dis.get_instructions(code):
            if step.opname in {"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"}:
                attributes.add(str(step.argval).split(" ")[0])
            elif step.opname in {"LOAD_GLOBAL", "LOAD_NAME", "IMPORT_NAME", "IMPORT_FROM"}:
                names.add(str(step.argval).split(" ")[-1])
    names = {name for name in names if not name.startswith(("encode_", "write_"))}
    return names, attributes - ENCODING


def _parts(item: object) -> Iterator[object]:
    """What a table or a shape is made of."""
    if isinstance(item, dict):
        yield from item.values()
    elif isinstance(item, list | tuple | set | frozenset):
        yield from item
    elif dataclasses.is_dataclass(item) and _ours(type(item).__module__):
        yield type(item)
        for field in dataclasses.fields(item):
            if field.name not in ENCODING:
                yield getattr(item, field.name)
    elif _ours(type(item).__module__):
        yield type(item)
        for name, value in getattr(item, "__dict__", {}).items():
            if name not in ENCODING:
                yield value


def nested(code: CodeType) -> Iterator[CodeType]:
    """A function's code with that of the functions inside it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from nested(inner)


def _lines(code: CodeType) -> set[int]:
    return {line for *_, line in code.co_lines() if line is not None} - {code.co_firstlineno}


@contextmanager
def recording(files: Iterable[str]) -> Iterator[Lines]:
    """The lines of these files that run meanwhile."""
    found: Lines = {file: set() for file in files}
    left: dict[CodeType, set[int]] = {}

    def wants(code: CodeType) -> bool:
        missing = left.get(code)
        if missing is None:
            known = code.co_filename in found
            missing = left[code] = set(_lines(code)) if known else set()
        return bool(missing)  # else nothing new can be seen in it

    def seen(code: CodeType, number: int) -> bool:
        left[code].discard(number)
        found[code.co_filename].add(number)
        return False

    with line_events(wants, seen):
        yield found


@dataclasses.dataclass(frozen=True)
class Share:
    """Of one module: lines that count, and those of them that no input reached."""

    module: str
    lines: int
    missed: tuple[int, ...]

    @property
    def reached(self) -> float:
        return 1 - len(self.missed) / self.lines


def shares(part: float, seed: int) -> list[Share]:
    """The share of each module that has a reachable function, by damaged and valid inputs."""
    reach = Reach(entry(text) for decoder in DECODERS.values() for text in decoder.entries)
    wanted = reach.lines()
    victims = []
    for decoder in DECODERS.values():
        inputs = decoder.inputs()
        numbers = range(max(int(decoder.count * part), min(FEWEST, decoder.count)))
        victims.append((decoder, [damaged(decoder, inputs, seed, i) for i in numbers]))
    with recording(wanted) as seen:
        for decoder, inputs in victims:
            for victim in inputs:
                with suppress(Exception):
                    decoder.decode(victim)
    return [
        Share(
            ".".join(Path(file).with_suffix("").parts[-2:]),
            len(lines),
            tuple(sorted(lines - seen[file])),
        )
        for file, lines in sorted(wanted.items())
    ]


def shares_apart(part: float, seed: int) -> list[Share]:
    """The same in a process of its own: what an earlier decode left in caches is not run again."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.decoder_coverage", str(part), str(seed), "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    return [Share(module, lines, tuple(missed)) for module, lines, missed in found]


def main(arguments: list[str]) -> None:
    if arguments[2:] == ["--json"]:
        found = shares(float(arguments[0]), int(arguments[1]))
        sys.stdout.write(json.dumps([(s.module, s.lines, s.missed) for s in found]) + "\n")
        return
    part, seed = [*arguments, *("0.1", "1")[len(arguments) :]]
    for share in shares(float(part), int(seed)):
        sys.stdout.write(
            f"{100 * share.reached:5.1f} %  {share.module:32} of {share.lines:3} lines,"
            f" missed {list(share.missed)}\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
