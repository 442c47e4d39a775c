"""Left folds: one version after the other, for results that depend on the order of the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.aggregators.protocol import Versions
    from tablestore.merge.aggregators.steps import Steps

_DEEP: Final = 64
"""Groups of more versions are folded one by one, all others together, version by version."""


def float_fold(
    values: NDArray[np.floating[Any]], versions: Versions, ufunc: np.ufunc
) -> NDArray[np.floating[Any]]:
    """The fold of floats, in their own precision and order, as one addition after the other.

    ``reduceat`` adds pairwise, which rounds differently.

    Args:
        values: one entry for each entry of ``versions.order``.
        versions: groups; none may be empty.
        ufunc: ``np.add`` or ``np.multiply``.
    """
    starts, counts = versions.offsets[:-1], versions.counts
    with np.errstate(all="ignore"):
        held = values[starts]
        for step in range(1, min(int(counts.max(initial=0)), _DEEP)):
            deep = np.flatnonzero(counts > step)
            held[deep] = ufunc(held[deep], values[starts[deep] + step])
        for group in np.flatnonzero(counts > _DEEP).tolist():
            rest = values[starts[group] + _DEEP - 1 : starts[group] + counts[group]].copy()
            rest[0] = held[group]
            held[group] = ufunc.accumulate(rest)[-1]
    return held


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
