"""Pack golden tables of the reference material for this project: one archive a writer, one scope.

python -m tests.support.golden_pack SOURCE [SCOPE]

The scope "deletion-vectors" is no scope of histories: tables with deletion vectors that merge by
deduplicate, those with a changelog too; their archives lie in a folder of that name. So it is with
"data-formats": tables with ORC, Avro or thin data files that merge by deduplicate or have no key;
and "side-files": those with hash indexes or a long-lived changelog. "changelogs" are the tables
with a changelog producer that none of these has.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

from tests.support.golden import ARCHIVES, scope

VECTORS = "deletion-vectors"
FORMATS = "data-formats"
SIDE_FILES = "side-files"
CHANGELOGS = "changelogs"
OWN_FOLDER = (VECTORS, FORMATS, SIDE_FILES, CHANGELOGS, "engines")
WITH_SIDE_FILES = ("expired_changelog", "dynamic_bucket")


def _member(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)  # no owner, no time: the same tables give the same archive
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def _is_wanted(options: dict[str, Any], wanted: str) -> bool:
    if wanted not in (VECTORS, FORMATS):
        return scope(options) == wanted
    merged = {k: v for k, v in options.items() if k != "changelog-producer"}
    if wanted == FORMATS:
        levels = "file.format.per.level" in options and scope(merged) == "plain"
        vectors = options.get("deletion-vectors.enabled") == "true"
        return not vectors and (levels or scope(merged) == "format")
    return options.get("deletion-vectors.enabled") == "true" and scope(merged) == "format"


def _is_left(name: str, options: dict[str, Any]) -> bool:
    """Whether a table has a changelog producer and is in no other archive."""
    elsewhere = name in WITH_SIDE_FILES or any(_is_wanted(options, x) for x in (VECTORS, FORMATS))
    return scope(options) == "changelog" and not elsewhere


def pack(source: Path, writer: str, wanted: str) -> list[str]:
    """Write `<writer>.tar.xz` with the tables of scope `wanted`; their names."""
    expected = {p.stem: json.loads(p.read_text()) for p in sorted((source / writer).glob("*.json"))}
    if wanted == SIDE_FILES:
        chosen = [name for name in expected if name in WITH_SIDE_FILES]
    elif wanted == CHANGELOGS:
        chosen = [name for name, table in expected.items() if _is_left(name, table["options"])]
    else:
        chosen = [name for name, table in expected.items() if _is_wanted(table["options"], wanted)]
    if not chosen:
        return []
    folder = _folder(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{writer}.tar.xz", "w:xz", preset=9) as archive:
        _member(archive, "INDEX.json", json.dumps(chosen).encode())
        for name in chosen:
            root = source / writer
            _member(archive, f"{name}.json", (root / f"{name}.json").read_bytes())
            for path in sorted((root / "db.db" / name).rglob("*")):
                if path.is_file() and not path.name.endswith(".crc"):
                    _member(archive, str(path.relative_to(root)), path.read_bytes())
    return chosen


def _folder(wanted: str) -> Path:
    return ARCHIVES / wanted if wanted in OWN_FOLDER else ARCHIVES


def main() -> None:
    source = Path(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else "plain"
    for folder in sorted(p for p in source.iterdir() if p.is_dir()):
        chosen = pack(source, folder.name, wanted)
        if not chosen:
            continue
        size = (_folder(wanted) / f"{folder.name}.tar.xz").stat().st_size
        sys.stdout.write(f"{folder.name}: {len(chosen)} tables, {size:,} bytes\n")


if __name__ == "__main__":
    main()
