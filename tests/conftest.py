"""What tests of several parts share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.media_files import make_awkward_clips

_IN_ONE_PROCESS = "tests/integration/executors/"
"""Tests with Ray find the copies of models by the names of processes, so no two may run at once."""

# The same examples in every run, and none that fails because the machine is busy.
settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")


@pytest.fixture(scope="session")
def awkward_clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One clip of each kind that breaks decoders, by the name of its kind."""
    return make_awkward_clips(tmp_path_factory.mktemp("awkward"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process whole files, and all tests with Ray to one process."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling  # Not every environment has it.

    scheduler = LoadFileScheduling(config, log)
    file_of = scheduler._split_scope

    def split_scope(test: str) -> str:
        return _IN_ONE_PROCESS if test.startswith(_IN_ONE_PROCESS) else file_of(test)

    scheduler._split_scope = split_scope
    return scheduler
