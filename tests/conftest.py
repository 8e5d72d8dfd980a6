"""What tests of several parts share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.media_files import make_awkward_clips

# The same examples in every run, and none that fails because the machine is busy.
settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")


@pytest.fixture(scope="session")
def awkward_clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One clip of each kind that breaks decoders, by the name of its kind."""
    return make_awkward_clips(tmp_path_factory.mktemp("awkward"))
