"""Pack golden tables of the reference material for this project: one archive a writer, one scope.

python -m tests.support.golden_pack SOURCE [SCOPE]
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
from pathlib import Path

from tests.support.golden import ARCHIVES, scope


def _member(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)  # no owner, no time: the same tables give the same archive
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def pack(source: Path, writer: str, wanted: str) -> list[str]:
    """Write `<writer>.tar.xz` with the tables of scope `wanted`; their names."""
    expected = {p.stem: json.loads(p.read_text()) for p in sorted((source / writer).glob("*.json"))}
    chosen = [name for name, table in expected.items() if scope(table["options"]) == wanted]
    with tarfile.open(ARCHIVES / f"{writer}.tar.xz", "w:xz", preset=9) as archive:
        _member(archive, "INDEX.json", json.dumps(chosen).encode())
        for name in chosen:
            root = source / writer
            _member(archive, f"{name}.json", (root / f"{name}.json").read_bytes())
            for path in sorted((root / "db.db" / name).rglob("*")):
                if path.is_file() and not path.name.endswith(".crc"):
                    _member(archive, str(path.relative_to(root)), path.read_bytes())
    return chosen


def main() -> None:
    source = Path(sys.argv[1])
    ARCHIVES.mkdir(parents=True, exist_ok=True)
    for folder in sorted(p for p in source.iterdir() if p.is_dir()):
        chosen = pack(source, folder.name, sys.argv[2] if len(sys.argv) > 2 else "plain")
        size = (ARCHIVES / f"{folder.name}.tar.xz").stat().st_size
        sys.stdout.write(f"{folder.name}: {len(chosen)} tables, {size:,} bytes\n")


if __name__ == "__main__":
    main()
