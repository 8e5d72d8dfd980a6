"""What models there are and can be had, and what a model lacks on this machine."""

from __future__ import annotations

import json
import shlex
import socket
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from types import SimpleNamespace

import pytest

from emoreal_bench import __version__, api, installation
from emoreal_bench.cli.application import run as run_command
from emoreal_bench.contracts.deferred import DeferredAdapter
from emoreal_bench.contracts.errors import ExitCode, install_command
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.installation import Finding, examine
from emoreal_bench.model_adapters import PROVIDERS, Provider, create_adapter
from emoreal_bench.model_adapters.conformance.stub_server import (
    Behaviour,
    RecordedRequest,
    StubServer,
)

SAMPLE_WORKER = Path(__file__).parents[3] / "examples" / "workers" / "sample" / "worker.py"


def missing(model: str, arguments: dict[str, str] | None = None, lora: Path | None = None) -> str:
    """Give in one text what the doctor says that a model lacks."""
    findings = api.doctor(model, arguments, lora)
    return "\n".join(f"{each.what}: {each.detail}" for each in findings if _is_lacking(each))


def _is_lacking(finding: Finding) -> bool:
    # Providers other than that of the model, and extras, are mentioned too, installed or not.
    return not finding.fine and not finding.what.startswith(("provider ", "extra "))


def closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


def test_the_version_is_told_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--version"]) == 0
    assert capsys.readouterr().out == f"emoreal-bench {__version__}\n"


def test_every_provider_says_what_it_takes_needs_and_how_to_install_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["list", "models", "--json"]) == ExitCode.DONE
    rows = {row["provider"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(PROVIDERS) <= set(rows)
    for name, provider in PROVIDERS.items():
        row = rows[name]
        assert row["install"] == (install_command(provider.extra) if provider.extra else None)
        assert row["takes"] == [] if name == "baseline" else row["takes"] == ["video", "audio"]
    assert rows["openai"]["needs"] == ["a key in OPENAI_API_KEY"]
    assert rows["openai"]["deferred"]
    assert "a GPU, for models of full size" in rows["hf"]["needs"]


def test_the_table_for_people_names_every_provider_and_its_example(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["list", "models"]) == ExitCode.DONE
    printed = capsys.readouterr().out
    for name in PROVIDERS:
        assert name in printed
    assert "batches" in printed


@pytest.mark.parametrize(
    "model", ["baseline/random", "tiny/omni", "openai/gpt-4o", "google/gemini-2.5-flash"]
)
def test_what_is_listed_is_what_a_model_says_of_itself(model: str) -> None:
    provider = PROVIDERS[model.partition("/")[0]]
    if not provider.is_installed():
        pytest.skip("needs an extra that is not installed")
    adapter = create_adapter(model)
    can = adapter.describe().capabilities
    assert set(can.modalities) <= {*provider.takes, Modality.TEXT}
    assert isinstance(adapter, DeferredAdapter) == provider.deferred
    assert provider.scores_choices or can.choice_score_kind is None


def test_the_doctor_finds_nothing_missing_for_a_model_that_is_whole() -> None:
    assert missing("baseline/random") == ""


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_the_doctor_has_a_word_for_every_provider(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in PROVIDERS[name].key_variables:
        monkeypatch.delenv(variable, raising=False)
    if name in ("baseline", "tiny"):
        assert missing(PROVIDERS[name].example) == ""
        return
    absent = {"hf": str(tmp_path / "none"), "avere": str(tmp_path / "none")}.get(name, "none")
    assert missing(f"{name}/{absent}")


def test_a_missing_key_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "Set the environment variable OPENAI_API_KEY" in missing("openai/gpt-4o")


def test_a_key_is_named_with_its_place_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    findings = api.doctor("openai/gpt-4o", {"base_url": f"http://127.0.0.1:{closed_port()}/v1"})
    (key,) = [finding for finding in findings if finding.what == "key"]
    assert key.detail == "found in the environment variable OPENAI_API_KEY"
    assert "sk-secret" not in str(findings)


def test_a_service_that_answers_lacks_nothing() -> None:
    with StubServer() as stub:
        assert missing("http/any", {"base_url": f"{stub.address}/v1"}) == ""
        assert not stub.requests, "a doctor asks nothing"


def test_a_server_that_is_not_there_is_named() -> None:
    address = f"http://127.0.0.1:{closed_port()}/v1"
    assert f"{address} cannot be reached" in missing("http/any", {"base_url": address})


def test_a_profile_that_is_not_there_is_named_with_its_file(tmp_path: Path) -> None:
    profiles = tmp_path / "models.yaml"
    profiles.write_text("other: {base_url: http://localhost:1/v1}\n")
    said = missing("http/qwen", {"profile": str(profiles)})
    assert str(profiles) in said
    assert "Profiles there: other" in said


def test_a_worker_is_started_and_asked_what_it_is() -> None:
    command = shlex.join([sys.executable, str(SAMPLE_WORKER)])
    assert missing("worker/sample", {"command": command}) == ""


def test_a_worker_that_does_not_start_is_named_with_its_command() -> None:
    assert "Its command is: false" in missing("worker/sample", {"command": "false"})


def test_a_wrong_argument_is_named_with_the_valid_ones() -> None:
    assert "unknown argument 'sed'" in missing("baseline/random", {"sed": "1"})


def test_a_lora_folder_that_holds_none_is_named(tmp_path: Path) -> None:
    if not PROVIDERS["tiny"].is_installed():
        pytest.skip("needs an extra that is not installed")
    assert str(tmp_path) in missing("tiny/omni", lora=tmp_path)


def test_a_model_that_can_carry_no_lora_says_so(tmp_path: Path) -> None:
    assert "cannot put a LoRA adapter" in missing("openai/gpt-4o", lora=tmp_path)


def test_the_doctor_looks_at_every_extra_that_is_for_use(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        'torch>=2.6; extra == "hf"',
        "vllm>=0.32; sys_platform == 'linux' and extra == 'vllm'",
        'emoreal-bench[hf,tools]; extra == "train"',
        'no-such-package>=1; extra == "tools"',
        'numpy>=2; extra == "numbers"',
        'pytest>=8; extra == "dev"',
        "numpy>=2",
    )
    about = {
        "Provides-Extra": ["hf", "vllm", "train", "tools", "numbers", "dev"],
        "Requires-Dist": lines,
    }
    found = SimpleNamespace(get_all=about.get)
    monkeypatch.setattr(installation, "metadata", lambda _: found)
    monkeypatch.setattr(
        installation, "version", lambda name: installed_version(name if name != "vllm" else "?")
    )
    extras = {one.what: one for one in examine() if one.what.startswith("extra ")}
    assert list(extras) == [f"extra {name}" for name in ("hf", "vllm", "train", "tools", "numbers")]
    assert all(extra.optional or extra.fine for extra in extras.values())
    assert extras["extra numbers"].detail == "numpy"
    assert extras["extra vllm"].detail.startswith("vllm not installed. Install it with: ")
    assert "no-such-package not installed" in extras["extra train"].detail
    assert "no-such-package not installed" in extras["extra tools"].detail


def test_an_extra_that_is_not_installed_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Provider, "is_installed", lambda provider: provider.name != "openai")
    assert f"Install it with: {install_command('openai')}" in missing("openai/gpt-4o")


def test_the_command_exits_with_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command(["doctor", "--model", "http/any", "--model-arg", "base_url=nonsense"])
    assert code == ExitCode.INCOMPLETE
    assert "MISSING model http/any" in capsys.readouterr().out


def test_the_doctor_does_not_claim_to_know_what_a_server_takes() -> None:
    with StubServer() as stub:
        findings = api.doctor("http/any", {"base_url": f"{stub.address}/v1"})
        assert not stub.requests
    (said,) = [finding.detail for finding in findings if finding.what == "model http/any"]
    assert said == "is sent video, text; what it takes is not known here, --ask finds out"


def asked(stub: StubServer, **arguments: str) -> dict[str, Finding]:
    given = {"base_url": f"{stub.address}/v1", **arguments}
    findings = api.doctor("http/any", given, ask=True)
    return {finding.what: finding for finding in findings[-4:]}


def test_the_doctor_asks_one_question_per_modality_as_the_adapter_would() -> None:
    with StubServer() as stub:
        asked(stub)
        sent = [request.content for request in stub.requests]
    assert [b"image_url" in one for one in sent] == [False, True, False, False]
    assert [b"video_url" in one for one in sent] == [False, False, True, False]
    assert [b"input_audio" in one for one in sent] == [False, False, False, True]


def test_what_a_server_declines_or_drops_is_not_taken() -> None:
    def behave(request: RecordedRequest) -> Behaviour:
        return Behaviour.MEDIA_REFUSED if b"input_audio" in request.content else Behaviour.OK

    with StubServer() as stub:
        stub.choose(behave)
        found = asked(stub)
    assert found["text"].fine
    assert not found["audio"].fine
    assert found["audio"].optional  # it is not sent any
    assert "does not support audio" in found["audio"].detail
    # This server counts 100 tokens whatever it is sent.
    assert not found["image frames"].fine
    assert not found["image frames"].optional
    assert "it was dropped" in found["image frames"].detail


def test_what_a_server_counts_was_taken_and_may_be_sent() -> None:
    def answer(tokens: int) -> dict[str, object]:
        choice = {"message": {"content": "yes"}, "finish_reason": "stop"}
        return {"choices": [choice], "usage": {"prompt_tokens": tokens, "completion_tokens": 1}}

    with StubServer() as stub:
        stub.answer_with(lambda request: answer(1_000 if b"_audio" in request.content else 20))
        found = asked(stub)
    expected = "taken: answered 'yes', 1000 tokens; --model-arg takes_audio=true sends it"
    assert found["audio"].detail == expected


def test_only_a_model_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor", "--ask"]) == ExitCode.USAGE
    assert "--ask needs --model" in capsys.readouterr().err
