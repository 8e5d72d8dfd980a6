"""What is said in the clips reaches a service as words, and never counts as sound."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.deferred import DeferredAdapter, WrittenRequest
from emoreal_bench.contracts.errors import NotComparableError, UsageError
from emoreal_bench.contracts.run_record import ITEMS_FILE, MANIFEST_FILE
from emoreal_bench.contracts.vocabulary import Alteration, DeliveryStatus
from emoreal_bench.identity import hash_file
from emoreal_bench.model_adapters.conformance.requests import QUESTION, make_clip, make_request
from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from emoreal_bench.model_adapters.remote.transcripts import ABSENT_NOTE, GIVEN_NOTE
from emoreal_bench.record.log import read_log
from tests.integration.apis.services import ITEMS, OPENAI, Service

WORDS = "You said you would call."
SENT = f'Transcript of the clip\'s sound: "{WORDS}"\n'


@pytest.fixture
def transcripts(tmp_path: Path) -> Path:
    """Of the one clip of a request, and of the first of the two clips of the data."""
    path = tmp_path / "transcripts.json"
    path.write_text(json.dumps({"clip": WORDS, "0.mp4": WORDS}))
    return path


def texts(stub: StubServer) -> list[str]:
    """Give the text parts of the last body, in their order."""
    body = stub.requests[-1].body
    (turn,) = body.get("contents") or body["messages"]
    parts = turn.get("parts") or turn["content"]
    return [part["text"] for part in parts if "text" in part]


def test_the_words_stand_before_the_question_and_are_noted(
    service: Service, stub: StubServer, transcripts: Path
) -> None:
    request = make_request("1", make_clip())
    (plain,) = service.ask(stub, [request])
    (told,) = service.ask(stub, [request], transcripts=str(transcripts))
    assert texts(stub)[-2:] == [SENT, QUESTION]
    assert GIVEN_NOTE in told.delivery.notes
    assert GIVEN_NOTE not in plain.delivery.notes
    assert told.delivery.audio_seconds == plain.delivery.audio_seconds
    assert told.delivery.input_hash != plain.delivery.input_hash


def test_a_model_that_takes_no_sound_is_still_noted_not_to_have_heard(
    stub: StubServer, transcripts: Path
) -> None:
    (told,) = OPENAI.ask(stub, [make_request("1", make_clip())], transcripts=str(transcripts))
    assert set(told.delivery.notes) == {GIVEN_NOTE, "audio left out: the model takes none"}
    assert told.delivery.audio_seconds == 0.0


def test_words_are_shown_where_a_request_is_rendered(
    service: Service, stub: StubServer, transcripts: Path
) -> None:
    adapter = service.connect(stub, transcripts=str(transcripts))
    assert SENT in adapter.render(make_request("1", make_clip()))


def test_the_identity_holds_the_hash_of_the_file_and_not_its_place(
    service: Service, stub: StubServer, transcripts: Path
) -> None:
    settings = service.connect(stub, transcripts=str(transcripts)).describe().settings
    assert settings["transcripts"] == hash_file(transcripts)
    assert "transcripts" not in service.connect(stub).describe().settings


def test_a_file_that_cannot_be_read_is_refused_before_anything_is_sent(
    service: Service, stub: StubServer, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"none\.json: The transcripts cannot be read"):
        service.connect(stub, transcripts=str(tmp_path / "none.json"))


def test_a_job_of_a_batch_holds_the_words_too(stub: StubServer, transcripts: Path) -> None:
    async def write() -> bytes:
        async with OPENAI.connect(stub, transcripts=str(transcripts)) as adapter:
            assert isinstance(adapter, DeferredAdapter)
            written = await adapter.write(make_request("1", make_clip()), "k", scoring=False)
            assert isinstance(written, WrittenRequest)
            assert GIVEN_NOTE in written.sent.notes
            return written.line

    assert WORDS.encode() in asyncio.run(write())


class TestRuns:
    """Over the two clips of the data, of which one has a transcript."""

    def run(
        self,
        stub: StubServer,
        data: Path,
        folder: Path,
        transcripts: Path,
        alteration: Alteration | None = None,
    ) -> api.RunReport:
        arguments = {"base_url": f"{stub.address}/v1", "transcripts": str(transcripts)}
        options = api.RunOptions(
            plan=api.PlanOptions(alteration=alteration), model_arguments=arguments, out=folder
        )
        return api.evaluate(OPENAI.model, "emorealm", data, options)

    def test_every_item_says_whether_its_clip_had_words(
        self, stub: StubServer, data: Path, tmp_path: Path, transcripts: Path
    ) -> None:
        folder = tmp_path / "run"
        assert self.run(stub, data, folder, transcripts).is_complete
        records = list(read_log(folder / ITEMS_FILE))
        assert {record["status"] for record in records} == {DeliveryStatus.OK}
        notes = [note for record in records for note in record["delivery"]["notes"]]
        assert (notes.count(GIVEN_NOTE), notes.count(ABSENT_NOTE)) == (ITEMS // 2, ITEMS // 2)
        assert hash_file(transcripts) in (folder / MANIFEST_FILE).read_text()

    def test_a_run_goes_on_only_with_the_file_that_it_began_with(
        self, stub: StubServer, data: Path, tmp_path: Path, transcripts: Path
    ) -> None:
        self.run(stub, data, tmp_path / "run", transcripts)
        transcripts.write_text(json.dumps({"0.mp4": "Other words."}))
        with pytest.raises(NotComparableError):
            self.run(stub, data, tmp_path / "run", transcripts)

    def test_a_file_of_other_clips_is_refused_before_anything_is_asked(
        self, stub: StubServer, data: Path, tmp_path: Path, transcripts: Path
    ) -> None:
        transcripts.write_text(json.dumps({"zero.mp4": WORDS}))
        with pytest.raises(UsageError, match="None of the 2 clips"):
            self.run(stub, data, tmp_path / "run", transcripts)
        assert not (tmp_path / "run").exists()
        assert stub.requests == []

    def test_a_run_of_altered_sound_takes_no_words_about_it(
        self, stub: StubServer, data: Path, tmp_path: Path, transcripts: Path
    ) -> None:
        with pytest.raises(UsageError, match="alteration mute"):
            self.run(stub, data, tmp_path / "run", transcripts, Alteration.MUTE)
        assert stub.requests == []
