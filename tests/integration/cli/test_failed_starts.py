"""Services that are not where they were looked for, and what a start that failed leaves."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from tests.small_emorealm import make_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path / "data", 4, real=True)


def closed_address() -> str:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}"


def asked(address: str) -> list[str]:
    return ["-m", "http/model", "--model-arg", f"base_url={address}"]


def test_a_server_that_is_down_is_told_with_its_address_and_nothing_is_left(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, folder = f"{closed_address()}/v1", tmp_path / "run"
    command = ["run", *asked(address), "-t", "emorealm", "-d", str(data), "--out", str(folder)]
    assert run([*command, "-q"]) == ExitCode.INCOMPLETE
    said = capsys.readouterr().err
    assert f"The address is {address}" in said
    assert "kept" not in said
    assert not folder.exists()


def test_an_address_without_v1_is_told_with_it(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with StubServer() as stub:
        stub.say({"detail": "Not Found"}, status=404)
        address = stub.address.removesuffix("/v1").rstrip("/")
        command = ["run", *asked(address), "-t", "emorealm", "-d", str(data), "-q"]
        assert run([*command, "--out", str(tmp_path / "run")]) != ExitCode.DONE
    assert f"most servers answer below it, at {address}/v1" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_question_that_reached_nobody_claims_to_keep_nothing(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = next((data / "videos").rglob("*.mp4"), None) or next(data.rglob("*.mp4"))
    address = f"{closed_address()}/v1"
    command = ["ask", "http/model", str(clip), "Who?", "--model-arg", f"base_url={address}"]
    assert run(command) == ExitCode.INCOMPLETE
    told = "".join(capsys.readouterr())
    assert "kept" not in told
    assert address in told


def test_a_folder_that_was_there_before_stays(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    command = ["run", *asked(f"{closed_address()}/v1"), "-t", "emorealm", "-d", str(data), "-q"]
    assert run([*command, "--out", str(folder)]) == ExitCode.INCOMPLETE
    assert folder.is_dir()
