"""What is odd about the clips of a run is in its log, and counted by kind in its summary."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.media import MEDIA_VERSION
from emoreal_bench.contracts.note import NoteKind, NoteTally, note_kind
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Delivery, Result
from emoreal_bench.contracts.run_record import ITEMS_FILE, MANIFEST_FILE
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.readers import Dataset
from emoreal_bench.running.plan import Plan, PlanOptions, make_plan
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.runner import run_task
from tests.media_files import Picture, Sound, make_clip
from tests.sealed_files import edit_sealed
from tests.unit.running.fakes import MEDIA, FakeModel, NotingObserver

PICTURE = Picture(frames=50, size=(64, 48))


def hear(request: Request, attempt: int) -> Result:
    """Say what a model that hears everything was given."""
    (media,) = request.clips.values()
    seconds = 0.0 if media.waveform is None else len(media.waveform) / media.sample_rate
    delivery = Delivery(audio_seconds=seconds, notes=media.notes)
    return Result(request.id, DeliveryStatus.OK, "(A)", delivery=delivery)


def hearing_model() -> FakeModel:
    return FakeModel(hear, capabilities=Capabilities(modalities=MEDIA, batch_size=2))


def plan_about(root: Path, clips: dict[str, Path]) -> Plan:
    items = [
        Item(key, "modality_agreement", "Do they agree?", ("(A) Yes", "(B) No"), "A", key)
        for key in clips
    ]
    files = {key: Clip(key, path) for key, path in clips.items()}
    return make_plan(find_task("emorealm"), Dataset(items, files, ()), root, PlanOptions())


def logged(run: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in (run / ITEMS_FILE).open("rb")]
    return {line["id"]: line for line in lines}


def test_notes_and_loudness_are_logged_with_each_item_and_counted_by_kind(tmp_path: Path) -> None:
    clips = {
        "late": make_clip(tmp_path / "late.mkv", PICTURE, Sound(1.0, start=1.0)),
        "later": make_clip(tmp_path / "later.mkv", PICTURE, Sound(0.5, start=1.5)),
        "silent": make_clip(tmp_path / "silent.mp4", PICTURE, Sound(2.0, level=0.0)),
        "plain": make_clip(tmp_path / "plain.mp4", PICTURE, Sound(2.0)),
        "deaf": make_clip(tmp_path / "deaf.mp4", PICTURE, None),
    }
    summary = run_task(plan_about(tmp_path, clips), hearing_model(), tmp_path / "run")
    assert summary.results is not None
    assert summary.results.delivery is not None
    assert summary.results.delivery.notes == {
        NoteKind.SOUND_LATE.without_numbers: 2,
        "clip has no sound": 1,
        "sound is silent (-120.0 dBFS)": 1,
    }
    delivered = {key: line["delivery"] for key, line in logged(tmp_path / "run").items()}
    assert delivered["plain"]["audio_level"] == pytest.approx(0.5 / 2**0.5, abs=0.02)
    assert delivered["silent"]["audio_level"] == 0.0
    assert "audio_level" not in delivered["deaf"]
    assert delivered["late"]["notes"] != delivered["later"]["notes"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_plain_file_is_refused_at_once_with_its_kind(tmp_path: Path) -> None:
    pipe, device, folder = (tmp_path / f"{name}.mp4" for name in ("pipe", "device", "folder"))
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    folder.mkdir()
    plan = plan_about(tmp_path, {"pipe": pipe, "device": device, "folder": folder})
    summary = run_task(plan, hearing_model(), tmp_path / "run")
    assert summary.statuses == {DeliveryStatus.MISSING: 3}
    assert {key: line["detail"] for key, line in logged(tmp_path / "run").items()} == {
        "pipe": f"{pipe} is a named pipe, not a plain file.",
        "device": f"{device} is a device, not a plain file.",
        "folder": f"{folder} is a folder, not a plain file.",
    }


def test_a_clip_that_is_too_long_names_the_option_that_raises_the_limit(tmp_path: Path) -> None:
    plan = plan_about(tmp_path, {"long": make_clip(tmp_path / "long.mp4", PICTURE, Sound(2.0))})
    run = tmp_path / "run"
    summary = run_task(plan, hearing_model(), run, RunPolicy(attempts=1, max_clip_seconds=1.0))
    assert summary.statuses == {DeliveryStatus.FAILED: 1}
    detail = logged(run)["long"]["detail"]
    assert "the limit is 1 s" in detail
    assert "--max-clip-seconds" in detail
    summary = run_task(plan, hearing_model(), run, RunPolicy(max_clip_seconds=3_600.0))
    assert summary.statuses == {DeliveryStatus.OK: 1}


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_a_limit_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(UsageError, match="max_clip_seconds"):
        RunPolicy(max_clip_seconds=seconds)


def test_a_run_that_an_earlier_version_of_decoding_began_goes_on_with_a_notice(
    tmp_path: Path,
) -> None:
    plan = plan_about(tmp_path, {"plain": make_clip(tmp_path / "plain.mp4", PICTURE, Sound())})
    run = tmp_path / "run"
    run_task(plan, hearing_model(), run)
    removed = []
    edit_sealed(run / MANIFEST_FILE, lambda manifest: removed.append(manifest.pop("media_version")))
    assert removed == [MEDIA_VERSION]
    observer = NotingObserver()
    run_task(plan, hearing_model(), run, observer=observer)
    assert any("version 1 of decoding" in notice for notice in observer.notices)


@pytest.mark.parametrize("kind", NoteKind)
def test_every_note_tells_its_kind(kind: NoteKind) -> None:
    places = kind.value.count("{")
    text = kind.text(*range(1, places + 1))
    assert note_kind(text) is kind
    assert "{" not in kind.without_numbers


def test_notes_that_are_not_on_a_clip_are_counted_by_their_text() -> None:
    tally = NoteTally()
    tally.add(["8 frames taken from 33", NoteKind.SOUND_CUT.text(30)])
    tally.add(["8 frames taken from 40", NoteKind.SOUND_CUT.text(30)])
    assert tally.counts() == {
        "8 frames taken from 33": 1,
        "8 frames taken from 40": 1,
        "sound cut after 30 s": 2,
    }
