"""The same full compaction as in ``bench.compact``, of three times as many rows.

    python -m bench.compact_more [--save]

By hand: with every engine five times it takes many minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench import compact, data
from bench.measure import Report


def main() -> int:
    """Measure; exit code 1 when a bound does not hold."""
    parser = argparse.ArgumentParser(prog="bench.compact_more", description=__doc__)
    parser.add_argument("--save", action="store_true")
    given = parser.parse_args()
    report = Report(Path(__file__).parent / "results")
    with tempfile.TemporaryDirectory(dir=data.cache_dir()) as folder:
        compact.full(report, Path(folder), data.MORE_ROWS)
    if given.save:
        print(f"saved to {report.save()}", file=sys.stderr)
    return 1 if report.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
