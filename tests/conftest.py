"""Settings that every test shares."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

# The first call of a kernel or of a codec is slow once, which says nothing about the claim.
# In CI a failing example is printed as it was found: making it smaller can take minutes.
_PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
settings.register_profile(
    "tablestore",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    phases=_PHASES if os.environ.get("CI") else [*_PHASES, Phase.shrink],
)
settings.load_profile("tablestore")
