"""Threads share the steps of one piece of work; results keep their order."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from tablestore.runs.crew import ALONE, Crew, finish_first

WAIT = 20.0


def where():
    return threading.current_thread().name


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_steps(threads):
    with Crew(threads) as crew:
        works = [partial(pow, number, 2) for number in range(50)]
        assert list(crew.in_order(works, threads)) == [number**2 for number in range(50)]
        assert crew.each(works) == [number**2 for number in range(50)]


def test_a_crew_of_one_works_in_the_callers_thread_when_a_result_is_wanted():
    seen = []
    found = ALONE.in_order((partial(seen.append, number) for number in range(3)), 2)
    next(found)
    assert seen == [0]
    assert set(ALONE.each([where] * 4)) == {where()}


def test_two_steps_run_at_a_time_and_the_caller_is_one_of_them():
    together = threading.Barrier(2, timeout=WAIT)

    def meet():
        together.wait()
        return where()

    with Crew(2) as crew:
        names = set(crew.each([meet] * 6))
    assert len(names) == 2
    assert where() in names


def test_the_caller_does_the_next_steps_while_another_thread_has_the_first():
    begun, free = threading.Event(), threading.Event()

    def first():
        begun.set()
        assert free.wait(WAIT)
        return "first"

    def second():
        free.set()
        return where()

    with Crew(2) as crew:
        steps = [crew.begin(first)]
        assert begun.wait(WAIT)
        steps.append(crew.begin(second))
        finish_first(steps)
        assert [step.result() for step in steps] == ["first", where()]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_reaches_the_caller_and_no_step_runs_on_behind_it(threads):
    running, seen = set(), []

    def work(number):
        running.add(number)
        try:
            if number == 4:
                raise ValueError("the fourth")
            return number
        finally:
            running.discard(number)

    with Crew(threads) as crew:
        with pytest.raises(ValueError, match="the fourth"):
            seen.extend(crew.in_order((partial(work, number) for number in range(9)), threads))
        assert not running
    assert seen == [] or seen == [0, 1, 2, 3]


def test_what_is_not_wanted_any_more_is_not_begun():
    begun, free = threading.Event(), threading.Event()
    seen = []

    def first():
        begun.set()
        assert free.wait(WAIT)

    with Crew(2) as crew:
        held = crew.begin(first)
        assert begun.wait(WAIT)
        results = crew.in_order((partial(seen.append, number) for number in range(5)), 3)
        next(results)
        taken = list(seen)
        results.close()
        free.set()
        held.result()
    assert seen == taken
    assert len(taken) < 5
