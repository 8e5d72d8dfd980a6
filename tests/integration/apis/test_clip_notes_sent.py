"""What is odd about a clip is noted in runs against services as in those of local models."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.note import NoteKind, NoteTally, note_kind
from emoreal_bench.contracts.run_record import ITEMS_FILE
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from emoreal_bench.record.log import read_log
from tests.integration.apis.services import GOOGLE, OPENAI, VLLM, Service
from tests.media_files import Picture, Sound, make_clip

VIDEO, AUDIO = Modality.VIDEO, Modality.AUDIO
SMALL = Picture(frames=50, size=(64, 48))
HEARING = Service("openai/gpt-audio-1.5", "/v1", "OPENAI_API_KEY")
KINDS = {
    "late": NoteKind.SOUND_LATE,
    "interrupted": NoteKind.SOUND_INTERRUPTED,
    "silent": NoteKind.SOUND_SILENT,
    "second": NoteKind.SOUND_CHOSEN,
    "one-sided": NoteKind.CHANNEL_LEFT_OUT,
    "short": NoteKind.FEW_FRAMES,
    "uneven": NoteKind.UNEVEN_FRAMES,
    "wide": NoteKind.PIXELS_NOT_SQUARE,
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One clip of each kind, with a question about each."""
    root = tmp_path_factory.mktemp("odd")
    (root / "videos").mkdir()
    made: dict[str, tuple[Picture, Sound, tuple[Sound, ...]]] = {
        "late": (SMALL, Sound(1.0, start=1.0), ()),
        "interrupted": (SMALL, Sound(2.0, gap=(0.5, 1.5), codec="pcm_s16le"), ()),
        "silent": (SMALL, Sound(2.0, level=0.0), ()),
        "second": (SMALL, Sound(2.0), (Sound(2.0),)),
        "one-sided": (SMALL, Sound(2.0, (440.0, 880.0), levels=(0.0, 0.5)), ()),
        "short": (Picture(frames=5, size=(64, 48)), Sound(0.2), ()),
        "uneven": (Picture(ticks=[40 * i + 900 * (i > 20) for i in range(25)]), Sound(1.0), ()),
        "wide": (Picture(frames=50, size=(64, 48), aspect=Fraction(2)), Sound(2.0), ()),
    }
    for name, (picture, sound, before) in made.items():
        make_clip(root / "videos" / f"{name}.mkv", picture, sound, before=before)
    questions = [
        {
            "id": name,
            "video": f"{name}.mkv",
            "task": "modality_agreement",
            "question": "Do voice and face agree?",
            "choices": ["(A) Yes", "(B) No"],
            "answer": "A",
        }
        for name in made
    ]
    (root / "emorealm_v1.json").write_text(json.dumps(questions))
    return root


def decoded(path: Path, modalities: tuple[Modality, ...]) -> ClipMedia:
    """Decode a clip as a run with a model that runs here would."""
    wanted = find_task("emorealm").task.media.model_copy(update={"modalities": modalities})
    return decode_clip(Clip("clip", path), wanted, key="key", limits=DecodeLimits())


def test_every_kind_of_note_is_tried(odd: Path) -> None:
    for name, kind in KINDS.items():
        notes = decoded(odd / "videos" / f"{name}.mkv", (VIDEO, AUDIO)).notes
        assert kind in map(note_kind, notes)


@pytest.mark.parametrize(
    ("service", "taken"),
    [(VLLM, (VIDEO, AUDIO)), (OPENAI, (VIDEO,)), (HEARING, (AUDIO,)), (GOOGLE, (VIDEO, AUDIO))],
    ids=["http", "seeing", "hearing", "google"],
)
def test_the_log_the_summary_and_the_page_hold_the_notes_on_each_clip(
    service: Service, taken: tuple[Modality, ...], stub: StubServer, odd: Path, tmp_path: Path
) -> None:
    address = {"base_url": stub.address + service.path}
    options = api.RunOptions(
        model_arguments={**address, **service.arguments},
        policy=api.RunPolicy(decode_workers=1),
        out=tmp_path / "run",
    )
    report = api.evaluate(service.model, "emorealm", odd, options)
    logged: dict[str, Any] = {r["id"]: r for r in read_log(tmp_path / "run" / ITEMS_FILE)}
    tally = NoteTally()
    for name in KINDS:
        notes = decoded(odd / "videos" / f"{name}.mkv", taken).notes
        assert set(notes) <= set(logged[name]["delivery"]["notes"])
        tally.add(notes)
    assert report.results.delivery is not None
    assert tally.counts().items() <= report.results.delivery.notes.items()
    page = tmp_path / "page"
    api.view_run(tmp_path / "run", page, stills=0)
    written = "".join(path.read_text(encoding="utf-8") for path in page.rglob("*.html"))
    assert ("silence stands before it" in written) is (AUDIO in taken)
