"""Changes statements of publishing, conflicts and expiry one at a time: ``python -m ...``.

Comparisons are turned round, conditions negated, numbers moved by one, statements dropped. Each
change is made in a copy of the product, and the tests named for the file are run on it; a change
that they do not notice survives, and is printed. By hand: an hour on two cores; ``--sample 30``
takes some of them by a seed.
"""

from __future__ import annotations

import argparse
import ast
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from tests.support.mutants import ROOT, SINGLE, copy_project, run_test

FAST = "tests/faults/test_late_arrivals.py"
TARGETS = {
    "commit/publish.py": ("tests/unit/commit/test_publish.py", FAST, f"{SINGLE}[a lost race]"),
    "commit/conflict.py": ("tests/unit/commit/test_conflict.py",),
    "maintain/expire.py": (
        "tests/unit/maintain/test_expire.py",
        f"{SINGLE}[expire beside a tag and a consumer]",
        f"{SINGLE}[expire]",
    ),
    "maintain/cut.py": ("tests/unit/maintain/test_cut.py",),
}
TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
DROPPED = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue)


@dataclass(frozen=True)
class Change:
    """One change of a file: where, what, and the text of the whole file with it."""

    file: str
    line: int
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.what}"


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _sites(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Number of a node in the walk, and a kind of change that it can suffer."""
    for at, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in TURNED:
            yield at, "turn"
        elif isinstance(node, ast.If | ast.While | ast.IfExp):
            yield at, "negate"
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            yield at, "one more"
        elif isinstance(node, DROPPED) and not _is_docstring(node):
            yield at, "drop"


def _inside_functions(tree: ast.Module) -> set[int]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {id(child) for function in functions for child in ast.walk(function)}


def _changed(tree: ast.Module, at: int, kind: str) -> tuple[ast.Module, int, str]:
    copy = deepcopy(tree)
    node = list(ast.walk(copy))[at]
    before = ast.unparse(node).splitlines()[0][:70]
    if kind == "turn":
        node.ops[0] = TURNED[type(node.ops[0])]()
    elif kind == "negate":
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif kind == "one more":
        node.value += 1
    else:
        _replace(copy, node, ast.Pass())
    return ast.fix_missing_locations(copy), node.lineno, f"{kind}: {before}"


def _replace(tree: ast.Module, old: ast.AST, new: ast.stmt) -> None:
    for parent in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and old in block:
                block[block.index(old)] = ast.copy_location(new, old)


def changes(file: str) -> list[Change]:
    """All changes of one file, inside of functions."""
    tree = ast.parse((ROOT / "tablestore" / file).read_text())
    inside = _inside_functions(tree)
    nodes = list(ast.walk(tree))
    found = []
    for at, kind in _sites(tree):
        if id(nodes[at]) in inside:
            changed, line, what = _changed(tree, at, kind)
            found.append(Change(file, line, what, ast.unparse(changed)))
    return found


def survives(change: Change) -> bool:
    """Whether all tests of the file pass with the change."""
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_project(Path(folder))
        (copy / "tablestore" / change.file).write_text(change.text)
        return all(_passes(copy, test) for test in TARGETS[change.file])


def _passes(copy: Path, test: str) -> bool:
    try:
        return run_test(copy, test, 240)[0] == 0
    except subprocess.TimeoutExpired:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", choices=TARGETS, action="append")
    parser.add_argument("--sample", type=int, default=0, help="so many of each file; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    total = survivors = 0
    for file in arguments.file or TARGETS:
        made = changes(file)
        if arguments.sample:
            chance = random.Random(f"{file} {arguments.seed}")
            made = chance.sample(made, min(arguments.sample, len(made)))
        for change in made:
            total += 1
            if survives(change):
                survivors += 1
                sys.stdout.write(f"SURVIVED {change}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{total} changes, {total - survivors} found, {survivors} survived\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
