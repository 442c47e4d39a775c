"""Settings that every test shares."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The first call of a kernel or of a codec is slow once, which says nothing about the claim.
settings.register_profile(
    "tablestore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("tablestore")
