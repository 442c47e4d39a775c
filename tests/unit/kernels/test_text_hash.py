from __future__ import annotations

from random import Random

import numpy as np
import pytest

from tablestore.format.binary_row import row_bytes
from tablestore.kernels import binary_row
from tablestore.kernels.binary_row import BytesColumn, FixedColumn, row_hashes
from tablestore.kernels.text_hash import mix_text_slots, mix_texts
from tablestore.types.parse import parse_type
from tests.support.murmur import murmur_bytes

TEXT, LONG = parse_type("BYTES"), parse_type("BIGINT")


def texts(rng: Random, count: int) -> list[bytes | None]:
    lengths = [0, 1, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 40]
    return [
        None if rng.random() < 0.1 else rng.randbytes(rng.choice(lengths)) for _ in range(count)
    ]


def column(values: list[bytes | None]) -> BytesColumn:
    lengths = np.array([len(v or b"") for v in values], dtype=np.int64)
    data = b"".join(v or b"" for v in values) + b"\xee" * 8  # what follows must not count
    nulls = np.array([v is None for v in values])
    return BytesColumn(np.frombuffer(data, np.uint8), np.cumsum(lengths) - lengths, lengths, nulls)


@pytest.mark.parametrize("form", ["numpy", "compiled"])
@pytest.mark.parametrize("shape", ["t", "tt", "tlt", "ltt"])
def test_hashes_are_those_of_the_rows(form: str, shape: str, monkeypatch: pytest.MonkeyPatch):
    rng = Random(shape)
    count = 300
    values = [
        texts(rng, count) if kind == "t" else [rng.randint(-9, 9) for _ in range(count)]
        for kind in shape
    ]
    columns = [
        column(v) if kind == "t" else FixedColumn(np.array(v, dtype=np.int64).view(np.uint64))
        for kind, v in zip(shape, values, strict=True)
    ]
    if form == "compiled":
        assert mix_text_slots.warm_up()
        assert mix_texts.warm_up()
    monkeypatch.setattr(binary_row, "_compiled", lambda columns, rows: form == "compiled")
    types = [TEXT if kind == "t" else LONG for kind in shape]
    expected = [murmur_bytes(row_bytes(row, types)) for row in zip(*values, strict=True)]
    assert row_hashes(columns, count).tolist() == expected


def test_the_plain_form_gives_what_the_compiled_one_gives():
    given = column(texts(Random(1), 200))
    found = []
    texts_of = given.data, given.starts, given.lengths
    for slots, mix in ((mix_text_slots, mix_texts), (mix_text_slots.plain, mix_texts.plain)):
        offsets = np.full(200, 16, dtype=np.int64)
        state = np.full(200, 42, dtype=np.uint32)
        with np.errstate(over="ignore"):  # wraps, as it must
            slots(state, *texts_of, given.nulls, offsets)
            mix(state, *texts_of)
        found.append((offsets.tolist(), state.tolist()))
    assert found[0] == found[1]


def test_nothing_is_compiled_without_texts():
    fixed = FixedColumn(np.zeros(5, dtype=np.uint64))
    assert not binary_row._compiled([fixed], 10**12)
