"""No key reaches a file or a terminal, whatever a service or a worker says and wherever.

Every command is given a key that nobody else has, the canary, and meets somebody who repeats
it in every form and place. Then every byte that was written is searched for it.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest

from emoreal_bench import api
from emoreal_bench.cli.application import run as run_command
from emoreal_bench.model_adapters.conformance.stub_server import (
    RecordedRequest,
    StubAnswer,
    StubServer,
)
from emoreal_bench.record.log import read_log
from emoreal_bench.running.policy import RunPolicy
from tests.integration.apis.services import GOOGLE, ITEMS, OPENAI, VLLM, Service
from tests.unit.models.test_keys import FakeKeyring, install
from tests.unit.test_hiding import FORMS

CANARY = "sk/Zq7+Lw2=Rk9-Tb4&Xv1_Nm6Hc"
SAID = {name: form(CANARY) for name, form in FORMS.items()}
SAID |= {"cut off": f"{CANARY[:9]}...", "with its ends": f"{CANARY[:4]}****{CANARY[-4:]}"}
EVERYWHERE = " ".join(SAID.values())
INSPECT = Service("inspect/openai-api/stub/gpt-4o", "/v1", "STUB_API_KEY", {"takes_audio": "true"})
SERVICES = [VLLM, OPENAI, GOOGLE] + ([INSPECT] if find_spec("inspect_ai") else [])
NO_DOUBT = 12
"""So many characters of any form in a row are nothing but the canary."""


def written_as(key: str) -> dict[str, set[str]]:
    """Return what must not be found of a key: parts of each form, in small letters."""
    forms = {name: "".join(form(key).lower().split()) for name, form in FORMS.items()}
    parts = {
        name: {form[start : start + NO_DOUBT] for start in range(2, len(form) - NO_DOUBT - 1)}
        for name, form in forms.items()
        if name != "letter by letter"
    }
    small = key.lower()
    parts["cut off"] = {small[start : start + 8] for start in range(len(key) - 7)}
    return parts | {"with its ends": {f"{small[:4]}****", f"****{small[-4:]}"}}


FORBIDDEN = written_as(CANARY)


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Read every file, and those inside archives."""
    for path in (path for path in folder.rglob("*") if path.is_file()):
        yield path.name, path.name.encode()
        yield str(path.relative_to(folder)), path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"{path.name}/{name}", archive.read(name)


def leaks(parts: Iterable[tuple[str, bytes]]) -> list[str]:
    """Say which form of the canary stands where."""
    found = []
    for where, content in parts:
        text = "".join(content.decode("utf-8", "replace").lower().split())
        for name, pieces in FORBIDDEN.items():
            found += [f"{name} in {where}: {piece}" for piece in pieces if piece in text][:1]
    return found


@pytest.mark.parametrize("form", [*SAID])
def test_the_search_finds_a_canary_that_is_there(form: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with zipfile.ZipFile(tmp_path / "a" / "x.eval", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.json", f"a {SAID[form]} b")
    assert leaks(contents(tmp_path))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let everything that is written be written below one folder."""
    folders = {"HOME": "home", "XDG_CACHE_HOME": "cache", "XDG_CONFIG_HOME": "config"}
    for variable, name in {**folders, "TMPDIR": "tmp"}.items():
        (tmp_path / name).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path)
    for variable in ("GEMINI_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY", "STUB_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(RunPolicy, "wait", lambda *_: 0.0)
    return tmp_path


class EchoingService:
    """Answers in turn in every way in which a service may repeat the key."""

    def __init__(self, stub: StubServer, *, is_google: bool):
        self._turn = itertools.count()
        self._is_google = is_google
        self.heard = 0
        stub.answer_with(self._answer)

    def begin_anew(self) -> None:
        """Answer well first: a service that never did is not asked on."""
        self._turn = itertools.count()

    def _answer(self, request: RecordedRequest) -> StubAnswer:
        sent = {**request.headers, "authorization": request.headers.get("authorization", "")[7:]}
        self.heard += CANARY in sent.values()
        error = {
            "message": EVERYWHERE,
            "code": f"bad {CANARY}",
            "status": SAID["for an address"],
            "details": [{"reason": CANARY, "retryDelay": "0s"}],
        }
        headers = (("x-request-id", CANARY), ("set-cookie", f"key={CANARY}"))
        reply = self._google if self._is_google else self._chat
        answers = [
            StubAnswer(200, reply(f"(A) {EVERYWHERE}"), headers),
            StubAnswer(200, reply(f"(A) Your key: {CANARY}", ending=CANARY), headers),
            StubAnswer(400, {"error": error}, headers),
            StubAnswer(500, {"error": {"message": CANARY}}, headers),
            StubAnswer(200, {"error": error}),
            StubAnswer(500, SAID["in base64"].encode()),
            StubAnswer(200, f'{{"choices": "{CANARY}'.encode()),
            StubAnswer(307, {}, (("location", f"{request.path}?key={CANARY}"),)),
            StubAnswer(302, {}, (("location", f"http://{SAID['for an address']}.example/"),)),
        ]
        if not request.headers:  # a line of a job
            answers = answers[:5]
        return answers[next(self._turn) % len(answers)]

    def _chat(self, text: str, ending: str = "stop") -> dict[str, Any]:
        message = {"role": CANARY, "content": text, "reasoning_content": text, CANARY: CANARY}
        choice = {"index": 0, "message": message, "finish_reason": ending}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return {
            "id": CANARY,
            "model": f"model {EVERYWHERE}",
            "system_fingerprint": CANARY,
            "choices": [choice],
            "usage": usage,
            CANARY: CANARY,
        }

    def _google(self, text: str, ending: str = "STOP") -> dict[str, Any]:
        content = {"role": CANARY, "parts": [{"text": text}]}
        candidate = {"content": content, "finishReason": ending, "finishMessage": EVERYWHERE}
        return {
            "candidates": [candidate],
            "modelVersion": f"model {EVERYWHERE}",
            "responseId": CANARY,
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1},
        }


def settings(service: Service, stub: StubServer) -> list[str]:
    arguments = {"base_url": stub.address + service.path, **service.arguments, "concurrency": "1"}
    given = (f"--model-arg={name}={value}" for name, value in arguments.items())
    return ["--model", service.model, *given]


def command(*words: str | Path, codes: Iterable[int] = (0, 3)) -> None:
    assert run_command([str(word) for word in words]) in codes, words


def walk(echo: EchoingService, model: list[str], data: Path, *options: str) -> None:
    """Give every command that meets a model, and then those that show and pass on a run."""
    command("doctor", "--ask", *model)
    echo.begin_anew()
    asked = ("--task", "emorealm", "--data", data, "--out", "run", "--quiet")
    command("run", *model, *asked, *options)
    echo.begin_anew()
    judged = ("--statements", "--out", "judged", "--quiet")
    command("judge", "run", *judged, *model, codes=(0, 2, 3))
    look("run")


def look(run: str) -> None:
    command("score", run)
    command("runs", "show", run)
    command("runs", "list", ".")
    command("runs", "verify", run)
    command("runs", "card", run, "--out", "card.md", codes=(0, 2, 3))
    for name in ("items.jsonl", "items.csv", "items.parquet", "log.eval"):
        command("runs", "export", run, "--out", name, codes=(0, 2, 3))
    command("view", run, "--out", "page", "--stills", "1")
    command("leaderboard", "build", run, "--out", "site", "--run-pages", codes=(0, 2, 3))


def check(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out, err = capfd.readouterr()
    assert out
    printed = [("standard output", out.encode()), ("standard error", err.encode())]
    assert leaks([*printed, *contents(place)]) == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.model)
def test_a_service_that_repeats_the_key_everywhere(
    service: Service,
    stub: StubServer,
    data: Path,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(service.key_variable, CANARY)
    echo = EchoingService(stub, is_google=service is GOOGLE)
    walk(echo, settings(service, stub), data, "--cache", "cache.sqlite", "--give-up-after", "0")
    assert echo.heard > ITEMS
    texts = [record["text"] for record in read_log(Path("run/items.jsonl"))]
    assert any("***" in text for text in texts)
    check(place, capfd)


def test_a_key_of_a_keyring(
    stub: StubServer,
    data: Path,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    install(monkeypatch, FakeKeyring({OPENAI.key_variable: CANARY}))
    echo = EchoingService(stub, is_google=False)
    walk(echo, settings(OPENAI, stub), data, "--give-up-after", "0")
    assert echo.heard > ITEMS
    check(place, capfd)


@pytest.mark.parametrize("service", [OPENAI, GOOGLE], ids=["openai", "google"])
def test_a_service_that_repeats_the_key_in_the_answers_of_a_job(
    service: Service,
    stub: StubServer,
    data: Path,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(service.key_variable, CANARY)
    EchoingService(stub, is_google=service is GOOGLE)
    options = api.RunOptions(
        policy=api.RunPolicy(deferred=True, look_seconds=0.01, attempts=2),
        model_arguments={"base_url": stub.address + service.path, **service.arguments},
        out=place / "run",
    )
    api.evaluate(service.model, "emorealm", data, options)
    assert any("***" in record["text"] for record in read_log(place / "run/items.jsonl"))
    look("run")
    check(place, capfd)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.model)
def test_an_error_that_ends_the_run(
    service: Service,
    stub: StubServer,
    data: Path,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(service.key_variable, CANARY)
    stub.say({"error": {"message": EVERYWHERE, "code": CANARY}}, 402, x_request_id=CANARY)
    asked = ("--task", "emorealm", "--data", data, "--out", "run", "--limit", "1")
    command("run", *settings(service, stub), *asked, codes=(2, 3))
    command("doctor", "--ask", *settings(service, stub), codes=(0, 2, 3))
    check(place, capfd)


TALKATIVE = """
import json, os, sys
key = os.environ["CANARY_TOKEN"]
for line in sys.stdin:
    asked = json.loads(line)
    sys.stderr.write(key + "\\n")
    if asked["type"] == "describe":
        about = {"label": key, "revision": key, "license": key, "settings": {"key": key, key: 1},
                 "versions": {key: key}, "weights_hash": key, "modalities": ["video", "text"]}
        answer = {"type": "description", "protocol": 1, **about}
    elif asked["type"] == "load":
        answer = {"type": "loaded"}
    else:
        number = int(asked["id"].rpartition("_")[2])
        if number == 3:
            sys.exit(key)
        answer = {"type": "answer", "id": asked["id"], "text": "(A) " + key, "detail": key,
                  "delivery": {"notes": [key], "input_hash": key}}
        if number == 5:
            answer[key] = key
    print(json.dumps(answer), flush=True)
"""


def test_a_worker_that_repeats_the_key_that_its_file_names(
    data: Path,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    variable = "CANARY_TOKEN"
    monkeypatch.setenv(variable, CANARY)
    monkeypatch.setenv("OPENAI_API_KEY", "another-key-that-no-worker-may-see")
    (place / "talkative.py").write_text(TALKATIVE)
    entry = {
        "command": [sys.executable, "talkative.py"],
        "folder": ".",
        "inherit": ["CANARY_TOKEN"],
    }
    (place / "workers.yaml").write_text(json.dumps({"talkative": entry}))
    model = ["--model", "worker/talkative", "--model-arg=file=workers.yaml"]
    command("doctor", "--ask", *model)
    command("run", *model, "--task", "emorealm", "--data", data, "--out", "run", "--quiet")
    manifest = json.loads(Path("run/manifest.json").read_text())
    assert manifest["model"]["settings"] == {"key": "***", "***": 1}
    command("judge", "run", "--statements", *model, "--out", "judged", codes=(0, 2, 3))
    look("run")
    check(place, capfd)


class _EchoingHub(BaseHTTPRequestHandler):
    """Repeats the token in the error, in the header that the hub's library shows."""

    heard: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        token = self.headers.get("authorization", "")
        self.heard.append(token)
        content = json.dumps({"error": f"{token} {EVERYWHERE}"}).encode()
        self.send_response(500 if len(self.heard) % 2 else 403)
        self.send_header("x-error-message", f"you sent {token}")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("kept_in", ["environment", "file"])
@pytest.mark.parametrize("revision", [(), ("--revision", "0" * 40)], ids=["newest", "named"])
def test_a_hub_that_repeats_the_token(
    kept_in: str,
    revision: tuple[str, ...],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if kept_in == "environment":
        monkeypatch.setenv("HF_TOKEN", CANARY)
    else:
        (place.parent / f"{place.name}-token").write_text(CANARY)
        path = str(place.parent / f"{place.name}-token")
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", path)
    with ThreadingHTTPServer(("127.0.0.1", 0), _EchoingHub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        _EchoingHub.heard.clear()
        command("data", "get", "--task", "emorealm", "--out", "data", *revision, codes=(3,))
        server.shutdown()
    assert f"Bearer {CANARY}" in _EchoingHub.heard
    command("list", "tasks")
    check(place, capfd)
