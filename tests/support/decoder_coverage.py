"""By hand: how much of each decoder the damaged inputs reach, without any other test.

`python -m tests.support.decoder_coverage [count] [seed]` prints for each module the share of lines
reached in the functions that were entered, the lines that were not, and the functions that were not
entered at all (encoders and pure decisions, mostly).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.support.decoders import DECODERS, damaged


def functions(code: CodeType) -> Iterator[CodeType]:
    """All functions of a module's code; bodies of classes and modules run at import."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_flags & 2:  # new locals: a function
                yield inner
            yield from functions(inner)


def lines_of(code: CodeType) -> set[int]:
    return {line for *_, line in code.co_lines() if line is not None} - {code.co_firstlineno}


def reached(names: set[str], count: int, seed: int) -> dict[str, set[int]]:
    """The lines run, by file, for the modules of the names."""
    files = {str(importlib.import_module(f"tablestore.{n}").__file__): set() for n in names}

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        seen = files.get(frame.f_code.co_filename)
        if seen is None:
            return None
        if event == "line":
            seen.add(frame.f_lineno)
        return trace

    for decoder in DECODERS.values():
        inputs = decoder.inputs()
        victims = [damaged(decoder, inputs, seed, i) for i in range(min(count, decoder.count))]
        sys.settrace(trace)
        for victim in [*inputs, *victims]:
            with suppress(Exception):
                decoder.decode(victim)
        sys.settrace(None)
    return files


def main(arguments: list[str]) -> None:
    count, seed = (int(a) for a in (*arguments, "1500", "1")[:2])
    modules = {m for d in DECODERS.values() for m in d.modules}
    for file, seen in sorted(reached(modules, count, seed).items()):
        source = Path(file).read_text(encoding="utf-8")
        entered: set[int] = set()
        never: list[str] = []
        for code in functions(compile(source, file, "exec")):
            lines = lines_of(code)
            if lines & seen:
                entered |= lines
            else:
                never.append(code.co_name)
        missed = sorted(entered - seen)
        share = 100 * (1 - len(missed) / max(1, len(entered)))
        name = "/".join(Path(file).parts[-2:])
        sys.stdout.write(f"{share:5.1f} %  {name}  missed {missed}  not entered {sorted(never)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
