"""A run by jobs that is killed at any moment finds its jobs again and pays for none twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.run_record import ITEMS_FILE, RESULTS_FILE
from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from emoreal_bench.record.log import read_log
from emoreal_bench.running.deferred.store import JOBS_FOLDER
from tests.integration.apis.services import GOOGLE, ITEMS, KEY, OPENAI, Service

PATIENCE_SECONDS = 60.0

both_services = pytest.mark.parametrize("service", [OPENAI, GOOGLE], ids=["openai", "google"])


def start(
    service: Service, stub: StubServer, data: Path, folder: Path, *options: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-c", "from emoreal_bench.cli import main; main()", "run"),
            *("--model", service.model, "--model-arg", f"base_url={stub.address}{service.path}"),
            *("--task", "emorealm", "--data", str(data), "--out", str(folder)),
            *("--deferred", "--plain", *options),
        ],
        env={**os.environ, service.key_variable: KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(is_so: Callable[[], bool]) -> None:
    patience = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < patience, "it does not come to that"
        time.sleep(0.005)


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def finish(service: Service, stub: StubServer, data: Path, folder: Path) -> str:
    """Run to the end and give what was told on the way."""
    process = start(service, stub, data, folder)
    _, told = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == ExitCode.DONE, told
    assert (folder / RESULTS_FILE).exists()
    assert len(list(read_log(folder / ITEMS_FILE))) == ITEMS
    return told


def job_names(folder: Path) -> list[str | None]:
    path = folder / JOBS_FOLDER / "jobs.json"
    return [job["name"] for job in json.loads(path.read_bytes())["jobs"]] if path.exists() else []


@both_services
def test_killed_between_handing_over_and_fetching(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.looks = 10**9
    process = start(service, stub, data, tmp_path / "run")
    wait_until(lambda: any(job_names(tmp_path / "run")))
    kill(process)
    stub.batches.looks = 1
    told = finish(service, stub, data, tmp_path / "run")
    assert f"submitted {ITEMS}, {ITEMS} done" in told
    assert len(stub.batches.jobs) == 1
    # What is known of a clip only while it is decoded was not lost.
    assert all(line["clip_seconds"] > 0 for line in read_log(tmp_path / "run" / ITEMS_FILE))


class KeptFiles(dict[str, bytes]):
    """Files of a service that keeps what it is told to remove."""

    def __delitem__(self, name: str) -> None:
        assert name in self


@both_services
def test_killed_after_the_last_answer(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.looks = 10**9
    process = start(service, stub, data, tmp_path / "run")
    wait_until(lambda: any(job_names(tmp_path / "run")))
    kill(process)
    jobs = tmp_path / "run" / JOBS_FOLDER
    shutil.copytree(jobs, tmp_path / "jobs")
    stub.batches.looks = 1
    # The job was not removed here, so its files were not removed there.
    stub.batches.files = KeptFiles(stub.batches.files)
    finish(service, stub, data, tmp_path / "run")
    shutil.copytree(tmp_path / "jobs", jobs)
    finish(service, stub, data, tmp_path / "run")
    assert not jobs.exists()
    assert len(stub.batches.jobs) == 1


@both_services
def test_killed_before_it_knew_that_its_job_was_taken(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.is_silent = True
    process = start(service, stub, data, tmp_path / "run")
    wait_until(lambda: bool(stub.batches.jobs))
    kill(process)
    assert job_names(tmp_path / "run") == [None]
    finish(service, stub, data, tmp_path / "run")
    assert len(stub.batches.jobs) == 1


@both_services
def test_killed_before_its_job_was_taken(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.is_silent = True
    process = start(service, stub, data, tmp_path / "run")
    wait_until(lambda: bool(stub.batches.jobs))
    kill(process)
    stub.batches.jobs.clear()
    finish(service, stub, data, tmp_path / "run")
    assert len(stub.batches.jobs) == 1


@both_services
def test_a_job_whose_taking_was_not_answered_is_not_handed_over_again(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.is_silent = True
    process = start(service, stub, data, tmp_path / "run", "--model-arg", "timeout=1")
    _, told = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == ExitCode.DONE, told
    assert len(stub.batches.jobs) == 1


def test_an_interrupted_run_says_what_stays_with_the_service(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.looks = 10**9
    process = start(OPENAI, stub, data, tmp_path / "run")
    wait_until(lambda: any(job_names(tmp_path / "run")))
    process.terminate()
    _, told = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == ExitCode.INTERRUPTED
    assert f"{ITEMS} requests stay with the service" in told
    assert "Traceback" not in told
