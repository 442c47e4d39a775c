"""What ``tablestore compact`` says: the plan before, each pick, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tablestore.cli import render

if TYPE_CHECKING:
    from tablestore.errors import TablestoreError
    from tablestore.table.compact_result import CompactionStep, CompactResult


class Output:
    """Lines for people on standard error and out, or JSON lines."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._said: set[str] = set()

    def of(self, table: str) -> TableOutput:
        """The lines of one look at a table."""
        return TableOutput(table, as_json=self._json)

    def failed(self, table: str, error: TablestoreError) -> None:
        """A table that is passed over; each reason is said once, however often it is looked at."""
        message = str(error) if table in str(error) else f"{table}: {error}"
        if message not in self._said:
            self._said.add(message)
            render.fail(error.kind, message, retryable=error.retryable, as_json=self._json)


class TableOutput:
    """What is said of one compaction of one table."""

    def __init__(self, table: str, *, as_json: bool) -> None:
        self._table = table
        self._json = as_json
        self._planned = 0
        self._done = 0

    def foreseen(self, plan: CompactResult) -> None:
        """A dry run: what would be done, and no more."""
        if self._json:
            self._emit_plan(plan)
            render.emit({"event": "result", "table": self._table, **_summary(plan)})
            return
        if plan.steps:
            columns = ("partition", "bucket", "reason", "files_before", "bytes_read")
            more = ("runs_before", "runs_after")
            render.print_rows([render.fields_of(step) for step in plan.steps], (*columns, *more))
        render.say(f"{self._table}: {plan!r}")

    def plan(self, plan: CompactResult) -> None:
        """The plan, before the work."""
        self._planned = len(plan.steps)
        if self._json:
            self._emit_plan(plan)
        elif plan.steps:
            render.say(
                f"{self._table}: {len(plan.steps)} picks, {plan.files_before} files, "
                f"{plan.bytes_read:,} bytes to rewrite"
            )

    def _emit_plan(self, plan: CompactResult) -> None:
        for step in plan.steps:
            render.emit({"event": "plan", "table": self._table, **render.fields_of(step)})

    def step(self, step: CompactionStep) -> None:
        """A pick that is committed."""
        self._done += 1
        if self._json:
            render.emit({"event": "step", "table": self._table, **render.fields_of(step)})
            return
        # a pick may call for another one, which no plan foresees
        known = self._done <= self._planned
        place = f"{self._done} of {self._planned}" if known else f"{self._done}"
        render.say(
            f"  {place}: {step.partition}bucket {step.bucket}, {step.reason}: "
            f"{step.files_before} -> {step.files_after} files, runs {step.runs_before} -> "
            f"{step.runs_after}, {step.bytes_read:,} bytes in {step.seconds or 0:.1f} s"
        )

    def result(self, result: CompactResult) -> None:
        """What came of it."""
        table = self._table
        if self._json:
            render.emit({"event": "result", "table": table, **_summary(result)})
            return
        if not result.snapshot_ids:
            render.tell(f"{table}: nothing to compact")
        else:
            render.tell(f"{table}: {result!r}")
        if result.given_up:
            render.say(f"{table}: {result.given_up} picks given up, other commits came before them")
        if result.over_budget:
            render.say(f"{table}: {result.over_budget} picks left for lack of budget")
        if result.stopped:
            render.say(f"{table}: stopped; what was done is committed")


def _summary(result: CompactResult) -> dict[str, object]:
    return {name: value for name, value in render.fields_of(result).items() if name != "steps"}
