"""What reached a service is counted from the bytes that were sent to it."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Message, Request, TextPart, VideoPart
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from tests.integration.apis.services import GOOGLE, OPENAI, VLLM, Service
from tests.media_files import Picture, Sound
from tests.media_files import make_clip as make_file


def ask(service: Service, stub: StubServer, request: Request, **arguments: str) -> Result:
    (result,) = service.ask(stub, [request], **arguments)
    assert result.status is DeliveryStatus.OK, result.detail
    return result


def sent_files(stub: StubServer) -> list[tuple[str, bytes]]:
    """Media type and bytes of every file in the last body, in order."""
    found: list[tuple[str, bytes]] = []
    _collect(stub.requests[-1].body, found)
    return found


def _collect(node: Any, found: list[tuple[str, bytes]]) -> None:
    if isinstance(node, list):
        for child in node:
            _collect(child, found)
    elif isinstance(node, dict):
        if isinstance(node.get("url"), str):
            head, _, data = node["url"].partition(";base64,")
            found.append((head.removeprefix("data:"), base64.b64decode(data)))
        elif isinstance(node.get("data"), str):
            kind = node.get("mimeType") or node.get("mime_type") or f"audio/{node.get('format')}"
            # Google's SDK writes the alphabet that is safe in addresses.
            found.append((kind, base64.urlsafe_b64decode(node["data"].translate(_URL_SAFE))))
        else:
            for child in node.values():
                _collect(child, found)


_URL_SAFE = str.maketrans("+/", "-_")


def decoded_frames(content: bytes) -> int:
    with av.open(io.BytesIO(content), "r") as container:
        return sum(1 for _ in container.decode(video=0))


def decoded_seconds(content: bytes) -> float:
    with av.open(io.BytesIO(content), "r") as container:
        if not container.streams.audio:
            return 0.0
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def count(stub: StubServer) -> tuple[int, float]:
    """Frames and seconds of sound in the last body, by decoding what was sent."""
    files = sent_files(stub)
    pictures = [content for kind, content in files if not kind.startswith("audio/")]
    sounds = [content for kind, content in files if not kind.startswith("image/")]
    return sum(map(decoded_frames, pictures)), sum(map(decoded_seconds, sounds))


def test_the_counts_are_those_of_the_files_in_the_body(service: Service, stub: StubServer) -> None:
    delivery = ask(service, stub, make_request("1", make_clip())).delivery
    frames, seconds = count(stub)
    assert delivery.frames == frames == 8
    # A decoder gives whole packets of 64 ms.
    assert delivery.audio_seconds == pytest.approx(seconds, abs=0.13)
    assert delivery.audio_seconds == (pytest.approx(1.5) if service.hears else 0.0)


def test_equal_requests_are_equal_bytes(service: Service, stub: StubServer) -> None:
    hashes = {
        ask(service, stub, make_request("1", make_clip())).delivery.input_hash for _ in range(2)
    }
    assert len(hashes) == 1
    assert stub.requests[0].content == stub.requests[1].content


@pytest.mark.parametrize(
    "other",
    [make_clip(seed=1), make_clip(frames=7), make_clip(frames=None)],
    ids=["another clip", "a frame less", "no picture"],
)
def test_another_clip_gives_another_input_hash(stub: StubServer, other: ClipMedia) -> None:
    for service in (VLLM, GOOGLE):
        hashes = {
            ask(service, stub, make_request("1", clip)).delivery.input_hash
            for clip in (make_clip(), other)
        }
        assert len(hashes) == 2


def test_a_muted_clip_gives_another_input_hash(stub: StubServer) -> None:
    clip = make_clip()
    assert clip.waveform is not None
    muted = replace(clip, key="muted", waveform=clip.waveform * 0)
    for service in (VLLM, GOOGLE):
        hashes = {
            ask(service, stub, make_request("1", media)).delivery.input_hash
            for media in (clip, muted)
        }
        assert len(hashes) == 2


def test_another_question_gives_another_input_hash(service: Service, stub: StubServer) -> None:
    hashes = {
        ask(service, stub, make_request("1", make_clip(), question=question)).delivery.input_hash
        for question in ("Is she glad?", "Is she sad?")
    }
    assert len(hashes) == 2


def test_a_model_that_takes_no_sound_is_asked_with_frames_and_a_note(stub: StubServer) -> None:
    delivery = ask(OPENAI, stub, make_request("1", make_clip())).delivery
    assert delivery.notes == ("audio left out: the model takes none",)
    assert {kind for kind, _ in sent_files(stub)} == {"image/jpeg"}


def test_a_model_that_takes_no_picture_is_asked_with_sound_and_a_note(stub: StubServer) -> None:
    hearing = Service("openai/gpt-audio-1.5", "/v1", "OPENAI_API_KEY")
    delivery = ask(hearing, stub, make_request("1", make_clip())).delivery
    assert delivery.notes == ("video left out: the model takes none",)
    assert [kind for kind, _ in sent_files(stub)] == ["audio/wav"]


def test_a_model_that_takes_none_of_the_media_is_not_asked(stub: StubServer) -> None:
    hearing = Service("openai/gpt-audio-1.5", "/v1", "OPENAI_API_KEY")
    only_picture = replace(
        make_request("1", make_clip()),
        messages=(Message("user", (VideoPart("clip"), TextPart("Does she smile?"))),),
    )
    (result,) = hearing.ask(stub, [only_picture])
    assert result.status is DeliveryStatus.UNSUPPORTED
    assert result.detail == "the model takes no video"
    assert stub.requests == []


def test_a_clip_without_sound_is_noted(stub: StubServer) -> None:
    for service in (VLLM, GOOGLE):
        delivery = ask(service, stub, make_request("1", make_clip(seconds=None))).delivery
        assert delivery.notes == ("audio left out: the clip has no sound",)
        assert count(stub)[1] == delivery.audio_seconds == 0.0


def test_a_clip_without_picture_is_noted(stub: StubServer) -> None:
    for service in (VLLM, GOOGLE):
        delivery = ask(service, stub, make_request("1", make_clip(frames=None))).delivery
        assert delivery.notes == ("video left out: the clip has no picture",)
        assert [kind for kind, _ in sent_files(stub)] == ["audio/wav"]


def test_sound_that_a_service_did_not_count_is_noted(stub: StubServer) -> None:
    stub.counts_audio = False
    for service in (VLLM, GOOGLE):
        (note,) = ask(service, stub, make_request("1", make_clip())).delivery.notes
        assert note == "audio was sent, but the service counts no audio tokens"


def test_the_model_that_answered_is_noted_if_it_is_another(
    service: Service, stub: StubServer
) -> None:
    stub.model = "some-model-2026-01-01"
    delivery = ask(service, stub, make_request("1", make_clip())).delivery
    assert "answered by some-model-2026-01-01" in delivery.notes


def test_tokens_are_kept_by_modality_as_the_service_counts_them(stub: StubServer) -> None:
    for service in (VLLM, GOOGLE):
        result = ask(service, stub, make_request("1", make_clip()))
        assert result.delivery.tokens == {Modality.AUDIO: 40, Modality.TEXT: 60}
        assert (result.usage.input_tokens, result.usage.output_tokens) == (100, 3)
        assert result.usage.measured


def test_cost_is_tokens_times_the_user_s_prices(service: Service, stub: StubServer) -> None:
    priced = ask(service, stub, make_request("1"), input_price="2.5", output_price="10")
    assert priced.usage.cost == pytest.approx((100 * 2.5 + 3 * 10) / 1e6)


def test_without_prices_the_cost_is_unknown(service: Service, stub: StubServer) -> None:
    assert ask(service, stub, make_request("1")).usage.cost is None


def test_frames_carry_their_times(stub: StubServer) -> None:
    ask(OPENAI, stub, make_request("1", make_clip(frames=3)))
    parts = stub.requests[-1].body["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"] * 3 + ["text"]
    assert [part["text"] for part in parts[::2][:3]] == [
        "Frame at 0.00 s:",
        "Frame at 0.20 s:",
        "Frame at 0.40 s:",
    ]


class TestClipFiles:
    """Google's models take a clip's own file where it is what the task wants."""

    @pytest.fixture
    def clip(self, tmp_path: Path) -> ClipMedia:
        path = make_file(tmp_path / "clip.mp4", Picture(), Sound())
        return replace(make_clip(), path=path)

    def test_an_unaltered_clip_is_sent_as_its_file(self, stub: StubServer, clip: ClipMedia) -> None:
        delivery = ask(GOOGLE, stub, make_request("1", clip)).delivery
        assert clip.path is not None
        assert sent_files(stub) == [("video/mp4", clip.path.read_bytes())]
        assert delivery.frames == count(stub)[0]
        assert "the clip's own file was sent; the service chooses the frames" in delivery.notes

    def test_the_rate_of_frames_is_said_to_the_service(
        self, stub: StubServer, clip: ClipMedia
    ) -> None:
        ask(GOOGLE, stub, make_request("1", clip), fps="3")
        part = stub.requests[-1].body["contents"][0]["parts"][0]
        assert part["videoMetadata"] == {"fps": 3.0}

    def test_a_question_about_the_picture_alone_sends_no_sound(
        self, stub: StubServer, clip: ClipMedia
    ) -> None:
        request = make_request("1", clip)
        seen = replace(request, messages=(Message("user", (VideoPart("clip"), TextPart("?"))),))
        assert ask(GOOGLE, stub, seen).delivery.audio_seconds == 0.0
        assert count(stub) == (8, 0.0)

    def test_a_question_about_the_sound_alone_sends_no_picture(
        self, stub: StubServer, clip: ClipMedia
    ) -> None:
        request = make_request("1", clip)
        heard = replace(request, messages=(Message("user", (AudioPart("clip"), TextPart("?"))),))
        assert ask(GOOGLE, stub, heard).delivery.frames == 0
        assert [kind for kind, _ in sent_files(stub)] == ["audio/wav"]

    def test_a_file_without_the_wanted_sound_is_written_anew(
        self, stub: StubServer, tmp_path: Path
    ) -> None:
        silent = make_file(tmp_path / "silent.mp4", Picture(), None)
        clip = replace(make_clip(), path=silent)
        assert ask(GOOGLE, stub, make_request("1", clip)).delivery.audio_seconds > 1.0
        assert count(stub)[1] > 1.0

    def test_a_file_that_has_gone_is_a_failure_of_its_own_item(
        self, stub: StubServer, clip: ClipMedia, tmp_path: Path
    ) -> None:
        gone = replace(clip, key="gone", path=tmp_path / "gone.mp4")
        results = GOOGLE.ask(stub, [make_request("1", gone), make_request("2", clip)])
        statuses = {result.id: result.status for result in results}
        assert statuses == {"1": DeliveryStatus.FAILED, "2": DeliveryStatus.OK}

    def test_a_large_file_is_uploaded_once_and_deleted_at_the_end(
        self, stub: StubServer, clip: ClipMedia
    ) -> None:
        requests = [make_request(str(number), clip) for number in range(3)]
        results = GOOGLE.ask(stub, requests, inline_megabytes="0.001")
        assert [result.status for result in results] == [DeliveryStatus.OK] * 3
        uploads = [asked for asked in stub.requests if asked.path.startswith("/upload-bytes/")]
        assert clip.path is not None
        assert [asked.content for asked in uploads] == [clip.path.read_bytes()]
        assert stub.files_kept == 0
        assert results[0].delivery.frames > 0


def test_media_are_never_written_into_a_rendered_request(
    service: Service, stub: StubServer
) -> None:
    adapter = service.connect(stub)
    clip = make_clip()
    rendered = adapter.render(make_request("1", clip))
    assert len(rendered) < 4_000
    assert rendered == adapter.render(make_request("1", replace(clip, path=None)))


def test_describing_needs_no_network_and_no_sdk() -> None:
    import subprocess
    import sys

    program = (
        "import sys\n"
        "from emoreal_bench.model_adapters import create_adapter\n"
        "for name in ('openai/gpt-4o', 'google/gemini-2.5-flash'):\n"
        "    create_adapter(name).describe()\n"
        "print([m for m in ('openai', 'google.genai', 'av', 'numpy') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_dated_name_is_the_revision() -> None:
    assert create_adapter("openai/gpt-4o-2024-11-20").describe().revision == "gpt-4o-2024-11-20"
    assert create_adapter("openai/gpt-4o").describe().revision is None
    assert create_adapter("google/gemini-2.0-flash-001").describe().revision is not None
    assert create_adapter("google/gemini-2.5-flash").describe().revision is None
