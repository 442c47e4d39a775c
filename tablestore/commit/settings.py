"""How commits behave, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tablestore.commit.manifest_merge import MergePolicy

if TYPE_CHECKING:
    from tablestore.options.table import TableOptions

_TIMEOUT_MS: Final = 120_000
# Java waits up to 10 s between attempts; with a lost race known at once that only starves.
_RETRY_WAIT_MS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class CommitSettings:
    """How long a commit is tried, and when manifests are merged.

    Attributes:
        timeout_ms: how long lost races are retried.
        max_retries: retries after lost races; None leaves only the time limit.
        retry_wait_ms_min: first wait after a lost race; doubles up to the next.
        retry_wait_ms_max: longest wait.
        merge: when manifests are merged.
    """

    timeout_ms: int = _TIMEOUT_MS
    max_retries: int | None = None
    retry_wait_ms_min: int = 10
    retry_wait_ms_max: int = _RETRY_WAIT_MS_MAX
    merge: MergePolicy = field(default_factory=MergePolicy)

    @classmethod
    def of(cls, options: TableOptions) -> CommitSettings:
        """The settings that a table's options ask for.

        ``commit.max-retries`` counts only where it was set: its default would give up while
        others make progress (eight equal racers use up ten tries in a fifth of all commits).
        """
        raw = options.raw
        return cls(
            timeout_ms=_TIMEOUT_MS
            if options.commit_timeout_ms is None
            else options.commit_timeout_ms,
            max_retries=options.commit_max_retries if "commit.max-retries" in raw else None,
            retry_wait_ms_min=options.commit_min_retry_wait_ms,
            retry_wait_ms_max=options.commit_max_retry_wait_ms
            if "commit.max-retry-wait" in raw
            else _RETRY_WAIT_MS_MAX,
            merge=MergePolicy(
                options.manifest_target_size,
                options.manifest_merge_min_count,
                options.manifest_full_threshold,
            ),
        )
