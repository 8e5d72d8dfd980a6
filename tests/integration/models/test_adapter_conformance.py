"""What every adapter promises, asked of every adapter that runs on this machine.

An adapter of another kind joins by a line in ``ADAPTERS``.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Formatter

import pytest

from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.request import Request
from emoreal_bench.model_adapters import PROVIDERS
from emoreal_bench.model_adapters.conformance import AdapterConformance
from emoreal_bench.model_adapters.conformance.requests import (
    make_clip,
    make_request,
)
from emoreal_bench.model_adapters.conformance.stub_server import Behaviour, StubServer
from tests.avere_checkpoint import make_avere_checkpoint

ROOT = Path(__file__).parents[3]
SAMPLE_WORKER = ROOT / "examples" / "workers" / "sample" / "worker.py"
QUOTED_WORKER = shlex.quote(str(SAMPLE_WORKER))
FAULTY_WORKER = ROOT / "tests" / "unit" / "models" / "faulty_worker.py"


@dataclass(frozen=True)
class Subject:
    """An adapter to examine.

    Attributes:
        name: Of the model; ``{script}`` and the like stand for a path, which the
            fixture of that name gives.
        unusable: Makes a request that this adapter cannot answer.
        arguments: Of the model; ``{stub}`` stands for the address of a service,
            ``{python}`` for the interpreter.
        by_jobs: Whether it is asked by whole files of requests.
    """

    name: str
    unusable: Callable[[Request], Request]
    arguments: Mapping[str, str] = field(default_factory=dict)
    by_jobs: bool = False


def without_options(request: Request) -> Request:
    return replace(request, letters=())


def with_a_reserved_mark(request: Request) -> Request:
    return make_request(request.id, question="<|im_end|> </s>")


def with_an_unknown_id(request: Request) -> Request:
    return replace(request, id="unscripted")


def with_a_clip_that_is_declined(request: Request) -> Request:
    return make_request(request.id, make_clip(), question="Decline this clip.")


def served(name: str, path: str = "/v1", **arguments: str) -> Subject:
    """Make a subject that a service on this machine answers for."""
    return Subject(name, with_a_clip_that_is_declined, {"base_url": f"{{stub}}{path}", **arguments})


ADAPTERS = (
    Subject("baseline/first-choice", without_options),
    Subject("baseline/last-choice", without_options),
    Subject("baseline/random", without_options),
    Subject("scripted/{script}", with_an_unknown_id),
    Subject("tiny/omni", with_a_reserved_mark),
    Subject("avere/{avere}", with_a_reserved_mark),
    Subject("hf/{gemma3n}", with_a_reserved_mark, {"device": "cpu"}),
    Subject("hf/{phi4}", with_a_reserved_mark, {"device": "cpu"}),
    Subject(
        "worker/sample",
        without_options,
        {"command": f"{{python}} {QUOTED_WORKER}"},
    ),
    served("http/qwen", dialect="vllm", takes_audio="true"),
    served("openai/gpt-4o", takes_audio="true"),
    served("google/gemini-2.5-flash", path="", top_logprobs="5"),
    replace(served("openai/gpt-4o", takes_audio="true"), by_jobs=True),
    replace(served("google/gemini-2.5-flash", path="", top_logprobs="5"), by_jobs=True),
)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.json"
    replies = {str(number): f"({'AB'[number % 2]})" for number in range(10)}
    path.write_text(json.dumps({"replies": replies, "modalities": ["video", "audio", "text"]}))
    return path


@pytest.fixture(scope="session")
def avere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_avere_checkpoint(tmp_path_factory.mktemp("avere"))


@pytest.fixture(scope="session")
def gemma3n(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.gemma3n_folders import WHY_SKIPPED, make_network, make_tokenizer, save_folder

    pytest.importorskip("timm", reason=WHY_SKIPPED)
    tokenizer = make_tokenizer()
    return save_folder(make_network(tokenizer), tokenizer, tmp_path_factory.mktemp("gemma3n"))


@pytest.fixture(scope="session")
def phi4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.phi4_folders import make_phi4_folder, make_phi4_network, make_phi4_tokenizer

    tokenizer = make_phi4_tokenizer()
    network = make_phi4_network(tokenizer)
    return make_phi4_folder(network, tokenizer, tmp_path_factory.mktemp("phi4"))


@pytest.fixture(scope="session")
def stub() -> Iterator[StubServer]:
    with StubServer() as server:
        server.choose(
            lambda asked: (
                Behaviour.MEDIA_REFUSED if b"Decline this" in asked.content else Behaviour.OK
            )
        )
        yield server


@pytest.fixture(params=ADAPTERS, ids=lambda subject: subject.name + " by jobs" * subject.by_jobs)
def subject(request: pytest.FixtureRequest, stub: StubServer) -> Subject:
    chosen: Subject = request.param
    if not PROVIDERS[chosen.name.partition("/")[0]].is_installed():
        pytest.skip("needs an extra that is not installed")
    paths = {
        name: request.getfixturevalue(name)
        for _, name, _, _ in Formatter().parse(chosen.name)
        if name is not None
    }
    return replace(
        chosen,
        name=chosen.name.format(**paths),
        arguments={
            name: value.format(stub=stub.address, python=shlex.quote(sys.executable))
            for name, value in chosen.arguments.items()
        },
    )


class TestAdapters(AdapterConformance):
    """Every adapter, held to more than those of other packages: it leaves nothing out."""

    is_strict = True

    @pytest.fixture(autouse=True)
    def choose(self, subject: Subject) -> None:
        self.model = subject.name
        self.arguments = subject.arguments
        self.by_jobs = subject.by_jobs
        self.subject = subject

    def make_unusable(self, request: Request) -> Request:
        return self.subject.unusable(request)


def check(*arguments: str) -> int:
    """Run the checks without pytest, as the author of an adapter does."""
    command = [sys.executable, "-m", "emoreal_bench.model_adapters.conformance", *arguments]
    return subprocess.run(command, check=False, stdout=sys.stderr).returncode


def test_without_pytest_every_check_has_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert check("baseline/random", "--model-arg", "seed=1") == ExitCode.DONE
    lines = capfd.readouterr().err.splitlines()
    checks = [name for name in dir(AdapterConformance) if name.startswith("test_")]
    assert len(lines) == len(checks)
    assert "No requests give no results: passed" in lines
    assert sum("does not apply" in line for line in lines) == 1, "it answers whatever it is asked"


def test_a_broken_promise_is_named_with_its_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = FAULTY_WORKER.read_text().replace('["text"]', '["video", "text"]')
    (tmp_path / "worker.py").write_text(program)
    command = f"command={shlex.join([sys.executable, str(tmp_path / 'worker.py')])}"
    assert check("worker/faulty", "--model-arg", command) == ExitCode.REGRESSION
    assert "a difference is noted: FAILED: video: 0 of 8" in capfd.readouterr().err


def test_a_service_of_this_machine_stands_in_for_a_paid_one(
    capfd: pytest.CaptureFixture[str],
) -> None:
    if not PROVIDERS["http"].is_installed():
        pytest.skip("needs an extra that is not installed")
    assert check("http/any", "--model-arg", "base_url={stub}/v1") == ExitCode.DONE


@pytest.mark.parametrize("model", ["baseline/randm", "bseline/random", "random"])
def test_a_wrong_name_is_refused(model: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert check(model) == ExitCode.USAGE
    assert "error: " in capfd.readouterr().err
