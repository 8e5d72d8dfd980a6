"""What tests of several parts share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.media_files import make_awkward_clips


@pytest.fixture(scope="session")
def awkward_clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One clip of each kind that breaks decoders, by the name of its kind."""
    return make_awkward_clips(tmp_path_factory.mktemp("awkward"))
