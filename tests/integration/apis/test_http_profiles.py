"""Where the settings of ``http/NAME`` come from."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from emoreal_bench.model_adapters.remote.http import Dialect
from tests.integration.apis.services import KEY, Service


@pytest.fixture
def profile(tmp_path: Path, stub: StubServer) -> Path:
    path = tmp_path / "models.yaml"
    path.write_text(
        "omni:\n"
        f"  base_url: {stub.address}/v1\n"
        "  model: Qwen/Qwen2.5-Omni-7B\n"
        "  dialect: vllm\n"
        "  takes_audio: true\n"
        "  extra: {mm_processor_kwargs: {use_audio_in_video: false}}\n"
    )
    return path


def ask(stub: StubServer, name: str, **arguments: str) -> DeliveryStatus:
    async def run() -> DeliveryStatus:
        async with create_adapter(name, arguments) as adapter:
            result = await anext(aiter(adapter.generate([make_request("1", make_clip())])))
            return result.status

    return asyncio.run(run())


def test_a_profile_says_where_and_how(profile: Path, stub: StubServer) -> None:
    assert ask(stub, "http/omni", profile=str(profile)) is DeliveryStatus.OK
    body = stub.requests[-1].body
    assert body["model"] == "Qwen/Qwen2.5-Omni-7B"
    assert body["mm_processor_kwargs"] == {"use_audio_in_video": False}
    assert [part["type"] for part in body["messages"][0]["content"]] == [
        "video_url",
        "input_audio",
        "text",
    ]


def test_an_argument_counts_before_the_profile(profile: Path, stub: StubServer) -> None:
    ask(stub, "http/omni", profile=str(profile), model="other", extra='{"top_k": 1}')
    assert stub.requests[-1].body.items() >= {"model": "other", "top_k": 1}.items()


def test_the_user_s_own_folder_is_looked_in(
    profile: Path, stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: profile.parent)
    assert ask(stub, "http/omni") is DeliveryStatus.OK


def test_without_a_profile_the_name_is_the_model_s(stub: StubServer) -> None:
    ask(stub, "http/org/model-7B", base_url=f"{stub.address}/v1")
    assert stub.requests[-1].body["model"] == "org/model-7B"


def test_an_unknown_profile_names_those_there_are(profile: Path) -> None:
    with pytest.raises(UsageError, match="omni"):
        create_adapter("http/omnibus", {"profile": str(profile)})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("omni: [a list]", "file of profiles"),
        ("omni: {1: one}", "file of profiles"),
        ("[omni]", "file of profiles"),
        ("1: {base_url: 'http://h/v1'}", "Profiles there: 1"),
        ("omni: {base_url: ", "cannot read"),
        ("omni: {base_url: 'http://h/v1', dialct: vllm}", "dialct"),
        ("omni: {base_url: 'http://h/v1', dialect: unheard-of}", "unheard-of"),
        ("omni: {base_url: 'h/v1'}", "no address"),
    ],
)
def test_a_wrong_profile_says_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=problem):
        create_adapter("http/omni", {"profile": str(path)})


def test_a_key_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="environment") as caught:
        create_adapter("http/omni", {"base_url": f"http://user:{KEY}@host/v1"})
    assert KEY not in str(caught.value)


def test_a_key_that_the_profile_asks_for_has_to_be_there(stub: StubServer) -> None:
    adapter = create_adapter(
        "http/m", {"base_url": f"{stub.address}/v1", "key_variable": "NO_SUCH_KEY"}
    )
    with pytest.raises(UsageError, match="NO_SUCH_KEY"):
        asyncio.run(adapter.open())


def test_a_server_learns_nothing_of_the_user_s_account_at_openai(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, f"secret-{name}")
    ask(stub, "http/m", base_url=f"{stub.address}/v1")
    assert "secret" not in str(stub.requests[-1].headers)


@pytest.mark.parametrize(
    ("dialect", "parts"),
    [
        (Dialect.OPENAI, ["text", "image_url", "text", "image_url", "input_audio", "text"]),
        (Dialect.VLLM, ["video_url", "input_audio", "text"]),
        (Dialect.SGLANG, ["video_url", "audio_url", "text"]),
        (Dialect.LLAMA_CPP, ["text", "image_url", "text", "image_url", "input_audio", "text"]),
        (Dialect.OLLAMA, ["text", "image_url", "text", "image_url", "input_audio", "text"]),
        (Dialect.LM_STUDIO, ["text", "image_url", "text", "image_url", "input_audio", "text"]),
    ],
)
def test_each_dialect_takes_media_in_its_own_parts(
    stub: StubServer, dialect: Dialect, parts: list[str]
) -> None:
    server = Service("http/m", "/v1", "", {"dialect": dialect, "takes_audio": "true"})
    server.ask(stub, [make_request("1", make_clip(frames=2))])
    content = stub.requests[-1].body["messages"][0]["content"]
    assert [part["type"] for part in content] == parts


def test_vllm_is_told_to_take_every_frame_of_a_file_that_holds_the_wanted_ones(
    stub: StubServer,
) -> None:
    server = Service("http/m", "/v1", "", {"dialect": "vllm"})
    server.ask(stub, [make_request("1", make_clip())])
    assert stub.requests[-1].body["media_io_kwargs"] == {"video": {"num_frames": -1}}


def test_the_identity_is_the_model_and_not_the_address() -> None:
    one, other, another = (
        create_adapter("http/m", {"base_url": f"http://{host}/v1", "model": model}).describe()
        for host, model in (("a", "m"), ("b", "m"), ("a", "n"))
    )
    assert one == other
    assert one.settings != another.settings


def test_a_profile_says_what_the_model_takes() -> None:
    deaf = create_adapter("http/m", {"base_url": "http://h/v1"}).describe().capabilities
    assert deaf.modalities == (Modality.VIDEO, Modality.TEXT)
