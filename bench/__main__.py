"""``python -m bench [NAME ...] [--save]``: exit code 1 when a bound does not hold."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from bench.measure import Report

NAMES = ("start", "write", "read", "compact", "commits", "bucket", "plan", "peers")


def main() -> int:
    """Run all or the named benches."""
    parser = argparse.ArgumentParser(prog="bench", description="Speed, one JSON line a claim.")
    parser.add_argument("names", nargs="*", help=f"some of: {' '.join(NAMES)}; all by default")
    parser.add_argument("--save", action="store_true", help="append to bench/results/<date>.jsonl")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"no bench {unknown[0]!r}; there are {', '.join(NAMES)}")
    report = Report(Path(__file__).parent / "results")
    for name in given.names or NAMES:
        importlib.import_module(f"bench.{name}").run(report)
    if given.save:
        print(f"saved to {report.save()}", file=sys.stderr)
    for bench in report.failed:
        print(f"over its bound: {bench}", file=sys.stderr)
    return 1 if report.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
