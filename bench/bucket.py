"""The bucket of each row, from Arrow columns.

A figure is the median of five, behind a first that does not count; kernels are compiled by then.
"""

from __future__ import annotations

import statistics

import numpy as np
import pyarrow as pa

from bench.data import SEED
from bench.measure import Report, check, cpu_seconds
from tablestore.format.binary_row import row_bytes
from tablestore.format.bucket import bucket_ids
from tablestore.kernels.text_hash import mix_text_slots, mix_texts
from tablestore.types.parse import parse_type
from tests.support.murmur import murmur_bytes

ROWS = 6_000_000
BUCKETS = 16
BOUND_NS = 30.0
_CHECKED = 1000
_TIMES = 6


def run(report: Report) -> None:
    """Nanoseconds a row, of a key of numbers and of one of texts."""
    mix_text_slots.warm_up()
    mix_texts.warm_up()
    numbers = np.random.default_rng(SEED).integers(0, 10**9, ROWS)
    texts = pa.array([f"customer-{number}" for number in numbers.tolist()])
    for kind, column in (("BIGINT", pa.array(numbers)), ("STRING", texts)):
        types = [parse_type(kind)]
        seconds = []
        for _ in range(_TIMES):
            start = cpu_seconds()
            found = bucket_ids([column], types, "default", BUCKETS)
            seconds.append(cpu_seconds() - start)
        first = column.slice(0, _CHECKED).to_pylist()
        hashes = [abs(murmur_bytes(row_bytes([value], types))) % BUCKETS for value in first]
        check(f"buckets of {kind}", found[:_CHECKED].tolist() == hashes)
        each = [round(1e9 * taken / ROWS, 2) for taken in seconds]
        name = f"bucket of 6M rows by a {kind} key"
        report.bound(
            name, statistics.median(each[1:]), None, BOUND_NS, unit="CPU ns a row", all_ours=each
        )
