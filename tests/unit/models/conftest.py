"""The families that run here, for the tests of what all of them promise."""

from __future__ import annotations

import pytest

from tests.local_families import FAMILIES, LocalFamily


@pytest.fixture(scope="module", params=FAMILIES, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> LocalFamily:
    chosen: LocalFamily = request.param
    return chosen
