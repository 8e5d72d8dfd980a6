"""The commands of docs/asking.md work as they stand there, one after the other."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from tests.media_files import Picture, Sound, make_clip

PAGE = Path(__file__).resolve().parents[3] / "docs" / "asking.md"
READY = "answers at http://127.0.0.1:"


@contextmanager
def serving(arguments: list[str]) -> Iterator[list[str]]:
    """Run a server of a model until it is interrupted; give what it says when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "emoreal_bench", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(4)]
    try:
        assert READY in said[0], process.stderr
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, "Ended.\n"), err
    assert "Traceback" not in err


@pytest.mark.timeout(900)
def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torch", "openai", "uvicorn"):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]  # the page's own may be taken
    text = PAGE.read_text(encoding="utf-8").replace("8001", str(port))
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    synth, ask, serve, over_http = (body for language, body in blocks if not language)
    ask_code, client_code = (body for language, body in blocks if language == "python")
    for line in (synth + ask).splitlines():
        program, *arguments = shlex.split(line)
        assert program == "emoreal-bench"
        assert run(arguments) == 0, line
    assert Path("answer.html").is_file()
    exec(ask_code)
    with serving(shlex.split(serve)[1:]):
        for line in over_http.splitlines():
            assert run(shlex.split(line)[1:]) == 0, line
        exec(client_code)
    assert Path("over-http/results.json").is_file()


def test_the_printed_commands_ask_the_model_that_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("openai", "uvicorn"):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "1.mp4", Picture(frames=5, size=(32, 32)), Sound(seconds=0.2))
    with serving(["serve-model", "baseline/last-choice", "--port", "0"]) as said:
        _, *run_line = shlex.split(said[3])
        assert run_line[0] == "run"
        model = run_line[run_line.index("--model") :]
        given = model[: model.index("--modalities") + 2]
        assert run(["ask", given[1], "1.mp4", "Is it so?", "--yes-no", *given[2:]]) == 0


def test_a_server_for_others_warns() -> None:
    pytest.importorskip("uvicorn")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "emoreal_bench", "serve-model", "baseline/random"),
            *("--host", "0.0.0.0", "--port", "0"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert "may ask the model anything" in err
