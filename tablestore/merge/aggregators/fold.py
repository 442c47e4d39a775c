"""Left folds: one version after the other, for results that depend on the order of the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tablestore.merge.aggregators.steps import Steps


def exact_fold(values: list[Any], retract: list[bool] | None, steps: Steps) -> Any:  # noqa: ANN401
    """The fold of one group's values, none of which is null, from a null accumulator."""
    held = None
    if retract is None:
        for value in values:
            held = steps.add(held, value)
        return held
    for value, back in zip(values, retract, strict=True):
        held = (steps.retract if back else steps.add)(held, value)
    return held
