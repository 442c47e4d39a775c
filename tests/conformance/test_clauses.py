"""Every clause of `format_spec` has a proof that exists: a vector or a test."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.vectors import SPEC, all_vectors

ROOT = SPEC.parent
CLAUSE = re.compile(r"^\*\*([A-Z]{3}-\d+)\*\* (.+)$", re.MULTILINE)
PROOF = re.compile(r"^Proof: (.+)$", re.MULTILINE)
KEYWORD = re.compile(r"\b(MUST|MAY|is|are)\b")
FEWEST = 100


@dataclass(frozen=True)
class Clause:
    page: str
    id: str
    text: str
    proofs: tuple[str, ...]


def clauses_of(page: str, text: str) -> list[Clause]:
    found = list(CLAUSE.finditer(text))
    ends = [*(m.start() for m in found[1:]), len(text)][: len(found)]
    out = []
    for match, end in zip(found, ends, strict=True):
        line = PROOF.search(text, match.end(), end)
        proofs = tuple(re.findall(r"`([^`]+)`", line[1])) if line else ()
        out.append(Clause(page, match[1], match[2], proofs))
    return out


def all_clauses() -> list[Clause]:
    pages = sorted(SPEC.glob("*.md"))
    return [c for p in pages for c in clauses_of(p.stem, p.read_text(encoding="utf-8"))]


@cache
def defined_in(path: Path) -> frozenset[str]:
    """Names of the tests that a file defines, without importing it."""
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def exists(proof: str, vectors: frozenset[str]) -> bool:
    if proof.startswith("vector "):
        return proof.removeprefix("vector ") in vectors
    file, _, name = proof.partition("::")
    return name in defined_in(ROOT / file)


def unproved(clauses: list[Clause]) -> list[str]:
    vectors = frozenset(v.id for v in all_vectors())
    missing = [f"{c.id} has no proof" for c in clauses if not c.proofs]
    missing += [
        f"{c.id}: {proof} does not exist"
        for c in clauses
        for proof in c.proofs
        if not exists(proof, vectors)
    ]
    return missing


def test_every_clause_has_a_proof_that_exists():
    assert unproved(all_clauses()) == []


def test_clauses_are_numbered_and_say_what_is_demanded():
    clauses = all_clauses()
    ids = [c.id for c in clauses]
    assert len(ids) >= FEWEST
    assert len(set(ids)) == len(ids)
    for page in {c.page for c in clauses}:
        numbers = [c.id for c in clauses if c.page == page]
        prefix = numbers[0].split("-")[0]
        assert numbers == [f"{prefix}-{i}" for i in range(1, len(numbers) + 1)], page
    assert [c.id for c in clauses if not KEYWORD.search(c.text)] == []


def test_every_vector_proves_a_clause():
    cited = {p.removeprefix("vector ") for c in all_clauses() for p in c.proofs}
    assert sorted({v.id for v in all_vectors()} - cited) == []


def test_a_clause_without_proof_is_found():
    text = "**XYZ-1** It MUST be.\n\n**XYZ-2** It MAY be.\n\n"
    text += "Proof: `vector no/such`, `tests/x::test_y`\n"
    assert unproved(clauses_of("page", text)) == [
        "XYZ-1 has no proof",
        "XYZ-2: vector no/such does not exist",
        "XYZ-2: tests/x::test_y does not exist",
    ]
