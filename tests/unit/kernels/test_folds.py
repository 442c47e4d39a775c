"""Reductions of groups: numpy, the compiled kernels and the kernels run by Python give the same."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablestore.kernels import folds
from tablestore.kernels.folds import (
    EMPTY,
    SURE,
    UNSURE,
    extremes,
    float_sums,
    integer_sums,
    newest,
)

KERNELS = ["add_integers", "add_floats", "newest_valid", "extreme_rows"]
FORMS = ["numpy", "compiled", "plain"]
EDGES = [0, 1, -1, 2**31, 2**62, 2**63 - 1, -(2**63)]
REALS = [0.0, -0.0, 0.1, -0.1, 1e300, -1e300, 1e-320, np.inf, -np.inf, np.nan]


class Form:
    """Runs one of the forms; the choice of the code is by what was spared."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._own = {kernel: getattr(folds, kernel) for kernel in KERNELS}

    def __enter__(self) -> None:
        for kernel, own in self._own.items():
            if self.name == "compiled":
                assert own.warm_up()
                continue
            plain = _Stand(own.plain, ready=self.name == "plain")
            setattr(folds, kernel, plain)

    def __exit__(self, *problem: object) -> None:
        for kernel, own in self._own.items():
            setattr(folds, kernel, own)


class _Stand:
    def __init__(self, function, *, ready):
        self._function, self._ready = function, ready

    def ready(self, spared):
        assert spared >= 0
        return self._ready

    def __call__(self, *args):
        with np.errstate(all="ignore"):  # wraps, as it must
            self._function(*args)


@st.composite
def groups(draw):
    """Rows in groups, some of them empty, with flags that may be absent."""
    sizes = draw(st.lists(st.integers(0, 5) | st.sampled_from([0, 70]), max_size=8))
    count = sum(sizes)
    rows = count + draw(st.integers(0, 3))
    seed = draw(st.integers(0, 2**32))
    r = np.random.default_rng(seed)
    share = draw(st.sampled_from([None, 0.0, 0.5, 1.0]))
    back = draw(st.sampled_from([None, 0.0, 0.5, 1.0]))
    order = r.permutation(rows)[:count]
    if draw(st.booleans()):
        order = np.sort(order)
    return SimpleNamespace(
        rows=rows,
        random=r,
        order=order,
        offsets=np.append(0, np.cumsum(np.array(sizes, dtype=np.int64))),
        valid=None if share is None else r.random(rows) < share,
        retract=None if back is None else r.random(count) < back,
        members=lambda: np.split(order, np.cumsum(sizes)[:-1]) if sizes else [],
    )


def _frozen(array):
    array.flags.writeable = False  # as what Arrow gives
    return array


@settings(deadline=None)
@given(groups(), st.sampled_from([3, 2**31, 2**63]), st.booleans())
def test_sums_of_integers_are_exact_or_said_not_to_be(g, size, edges):
    values = g.random.integers(-size, size, g.rows, dtype=np.int64)
    if edges:
        values = g.random.choice(np.array(EDGES, dtype=np.int64), g.rows)
    limit = float(2**63 - 1) * (1 - 1e-6)
    said = []
    for form in FORMS:
        with Form(form):
            sums, state = integer_sums(
                _frozen(values), g.order, g.offsets, g.valid, g.retract, limit
            )
        said.append((sums.tolist(), state.tolist()))
    assert said[0] == said[1] == said[2]
    for group, (total, sure) in enumerate(zip(*said[0], strict=True)):
        places = range(g.offsets[group], g.offsets[group + 1])
        kept = [p for p in places if g.valid is None or g.valid[g.order[p]]]
        back = [g.retract is not None and bool(g.retract[p]) for p in kept]
        exact = sum(-int(values[g.order[p]]) if b else int(values[g.order[p]])
                    for p, b in zip(kept, back, strict=True))  # fmt: skip
        assert (sure == EMPTY) == (not kept)
        if sure == SURE:
            assert total == exact
        elif kept:
            assert sure == UNSURE
            assert sum(abs(int(values[g.order[p]])) for p in kept) > limit * 0.999


@settings(deadline=None)
@given(groups(), st.sampled_from([np.float32, np.float64]), st.booleans())
def test_sums_of_floats_are_one_addition_after_the_other(g, kind, edges):
    values = g.random.normal(0, 10 ** g.random.uniform(-9, 9, g.rows)).astype(kind)
    if edges:
        with np.errstate(all="ignore"):
            values = g.random.choice(np.array(REALS), g.rows).astype(kind)
    said = []
    for form in FORMS:
        with Form(form):
            sums, state = float_sums(_frozen(values), g.order, g.offsets, g.valid, g.retract)
        assert sums.dtype == kind
        sums = np.where(np.isnan(sums), kind(np.nan), sums)  # one NaN is as good as another
        said.append((sums.tobytes(), state.tolist()))
    assert said[0] == said[1] == said[2]
    for group, held in enumerate(sums):
        total = None
        for place in range(g.offsets[group], g.offsets[group + 1]):
            if g.valid is None or g.valid[g.order[place]]:
                value = values[g.order[place]]
                value = -value if g.retract is not None and g.retract[place] else value
                with np.errstate(all="ignore"):
                    total = value if total is None else kind(total + value)
        assert (total is None) == (state[group] == EMPTY)
        if total is not None:
            assert np.array_equal(total, held, equal_nan=True)
            assert np.signbit(total) == np.signbit(held) or np.isnan(total)


@settings(deadline=None)
@given(groups())
def test_the_newest_valid_row_is_the_last_one(g):
    said = []
    for form in FORMS:
        with Form(form):
            said.append(newest(g.valid, g.order, g.offsets).tolist())
    expected = []
    for rows in g.members():
        kept = [row for row in rows.tolist() if g.valid is None or g.valid[row]]
        expected.append(kept[-1] if kept else -1)
    assert said == [expected] * 3


@settings(deadline=None)
@given(groups(), st.sampled_from([1, 3, 2**64 - 1]), st.booleans())
def test_of_equal_extremes_the_largest_is_the_oldest_and_the_smallest_the_newest(g, size, largest):
    word = g.random.integers(0, size, g.rows, dtype=np.uint64, endpoint=True)
    said = []
    for form in FORMS:
        with Form(form):
            said.append(
                extremes(_frozen(word), g.order, g.offsets, g.valid, largest=largest).tolist()
            )
    expected = []
    for rows in g.members():
        kept = [row for row in rows.tolist() if g.valid is None or g.valid[row]]
        if not kept:
            expected.append(-1)
        elif largest:
            expected.append(max(kept, key=lambda row: word[row]))  # the first of equal ones
        else:
            expected.append(min(reversed(kept), key=lambda row: word[row]))
    assert said == [expected] * 3


def test_small_work_compiles_nothing(monkeypatch):
    for kernel in KERNELS:
        own = getattr(folds, kernel)
        monkeypatch.setattr(folds, kernel, type(own)(own.plain, own.signature))
    order, offsets = np.arange(100_000), np.arange(0, 100_001, 2)
    values = np.ones(100_000, dtype=np.int64)
    integer_sums(values, order, offsets, None, None, 1e18)
    float_sums(values.astype(np.float64), order, offsets, None, None)
    newest(values > 0, order, offsets)
    extremes(values.view(np.uint64), order, offsets, None, largest=True)
    assert [getattr(folds, kernel)._compiled for kernel in KERNELS] == [None] * 4


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_run_without_the_interpreters_lock(kernel):
    assert getattr(folds, kernel).warm_up()
    options = getattr(folds, kernel)._compiled.targetoptions
    assert options["nogil"]


def test_threads_may_sum_at_the_same_time():
    assert folds.add_integers.warm_up()
    order, offsets = np.arange(40_000), np.arange(0, 40_001, 4)
    found = {}

    def work(number):
        values = np.full(40_000, number, dtype=np.int64)
        found[number] = integer_sums(values, order, offsets, None, None, 1e18)[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((sums == 4 * number).all() for number, sums in found.items())
    assert len(found) == 4
