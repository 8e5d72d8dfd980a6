"""The written folder: EmoReAlM's layout, true to the scenes, reproducible, never half done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import RunError, UsageError
from emoreal_bench.readers import load_items
from emoreal_bench.synth import (
    SpeechEngine,
    Split,
    SynthSettings,
    build,
    encode,
    make_items,
    make_scenes,
    sample_clip,
    write_benchmark,
)
from emoreal_bench.synth.build import RECORD, UNFINISHED, emorealm_record
from emoreal_bench.synth.picture.frames import draw_frames
from emoreal_bench.synth.scenes import FRAME_RATE, Scene
from emoreal_bench.synth.voice.sound import synthesize_sound

SETTINGS = SynthSettings(items=10, seed=6, speech=SpeechEngine.WORDLESS)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_benchmark(SETTINGS, tmp_path_factory.mktemp("synth") / "set")


def test_the_folder_has_the_layout_of_emorealm(written: Path) -> None:
    assert set(contents(written)) == {
        "emorealm_v1.json",
        "DATA_CARD.md",
        "synth.json",
        "videos/part_1/1.mp4",
        "videos/part_1/2.mp4",
    }


def test_the_records_have_the_keys_of_emorealm_and_more(written: Path) -> None:
    records = json.loads((written / "emorealm_v1.json").read_text())
    assert records == [emorealm_record(item) for item in make_items(SETTINGS)]
    for record in records:
        assert list(record)[:6] == ["id", "video", "task", "question", "choices", "answer"]
        assert set(record) - set(list(record)[:6]) <= {"category", "cue", "emotion"}


def test_the_reader_of_emorealm_reads_the_same_items(written: Path) -> None:
    dataset = load_items(find_task("emorealm-synth").task, written, {})
    assert list(dataset.items) == list(make_items(SETTINGS))
    assert all(clip.video.is_file() for clip in dataset.clips.values())


def test_writing_again_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    assert contents(write_benchmark(SETTINGS, tmp_path / "again")) == contents(written)


def test_worker_processes_write_the_same_bytes(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_WORTH_WORKERS", 2)
    assert contents(write_benchmark(SETTINGS, tmp_path / "parallel")) == contents(written)


WITHOUT_EXTENSIONS = """
import ctypes, sys
from pathlib import Path

import av

libraries = Path(av.__file__).parent.parent / "av.libs"
ctypes.CDLL(str(next(libraries.glob("libavutil*")))).av_force_cpu_flags(0)

from emoreal_bench.synth import SynthSettings, write_benchmark

write_benchmark(SynthSettings.model_validate_json(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.skipif(
    not [*(Path(av.__file__).parent.parent / "av.libs").glob("libavutil*")],
    reason="the codecs of this PyAV cannot be told to do without extensions",
)
def test_a_processor_without_extensions_writes_the_same_bytes(
    written: Path, tmp_path: Path
) -> None:
    """The codecs run as plain C, numpy on its baseline, and the threads share one core."""
    script = tmp_path / "write.py"
    script.write_text(WITHOUT_EXTENSIONS)
    wanted = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    environment = os.environ | {
        "NPY_DISABLE_CPU_FEATURES": " ".join(wanted),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    command = [sys.executable, str(script), SETTINGS.model_dump_json(), str(tmp_path / "plain")]
    subprocess.run(command, env=environment, check=True)
    assert contents(tmp_path / "plain") == contents(written)


def test_the_encoder_of_the_picture_gives_the_bytes_of_its_plain_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Scenes whose clips x264, left to itself, encodes now in one way and now in another."""
    for seed in (11, 21):
        (scene,) = make_scenes(SETTINGS.model_copy(update={"items": 5, "seed": seed}))
        fast = encode_scene(scene)
        with monkeypatch.context() as patch:
            patch.setitem(encode._PICTURE_OPTIONS, "x264-params", "asm=0")
            assert encode_scene(scene) == fast


def encode_scene(scene: Scene) -> bytes:
    times = [number / FRAME_RATE for number in range(scene.frames)]
    return encode.encode_clip(draw_frames(scene, times), synthesize_sound(scene))


def test_decoded_frames_and_sound_are_those_of_the_scene(written: Path) -> None:
    for scene in make_scenes(SETTINGS):
        path = str(written / "videos" / scene.clip)
        with av.open(path) as container:
            decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
            assert container.streams.video[0].codec_context.name == "h264"
            assert container.streams.video[0].average_rate == 24
        with av.open(path) as container:
            assert container.streams.audio[0].codec_context.name == "flac"
            assert container.streams.audio[0].rate == 16_000
            heard = np.concatenate([piece.to_ndarray()[0] for piece in container.decode(audio=0)])
            heard = heard / np.float32(32_767)
        drawn = draw_frames(scene, [number / 24 for number in range(scene.frames)])
        assert len(decoded) == scene.frames
        for one, other in zip(decoded, drawn, strict=True):
            error = np.mean((one.astype(float) - other) ** 2)
            assert 10 * np.log10(255**2 / error) >= 35
        sound = synthesize_sound(scene)
        assert len(heard) == len(sound)
        assert np.abs(heard - sound).max() <= 0.51 / 32_767


def test_a_direct_sample_is_what_the_file_holds_at_these_times(written: Path) -> None:
    scene = make_scenes(SETTINGS)[1]
    sample = sample_clip(scene, frames=8)
    with av.open(str(written / "videos" / scene.clip)) as container:
        by_time = {frame.time: frame for frame in container.decode(video=0)}
    for frame, time in zip(sample.frames, sample.timestamps, strict=True):
        nearest = by_time[min(by_time, key=lambda other: abs(other - time))]
        assert abs((nearest.time or 0) - time) < 1e-6
        error = np.mean((nearest.to_ndarray(format="rgb24").astype(float) - frame) ** 2)
        assert 10 * np.log10(255**2 / error) >= 35


def test_a_finished_folder_is_left_as_it_is(written: Path) -> None:
    def fail(done: int, total: int) -> None:
        raise AssertionError("a clip was written again")

    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    assert write_benchmark(SETTINGS, written, fail) == written
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before


def test_a_finished_folder_loses_the_mark_of_one_that_was_killed_at_its_very_end(
    written: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(written, tmp_path / "set")
    shutil.copy(folder / RECORD, folder / UNFINISHED)
    write_benchmark(SETTINGS, folder)
    assert contents(folder) == contents(written)


def test_a_folder_of_other_settings_is_refused(written: Path) -> None:
    with pytest.raises(UsageError, match="other settings"):
        write_benchmark(SETTINGS.model_copy(update={"seed": 7}), written)


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="not empty"):
        write_benchmark(SETTINGS, tmp_path)
    assert set(contents(tmp_path)) == {"thesis.tex"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be read"):
        write_benchmark(SETTINGS, tmp_path / "file")


def test_an_interrupted_folder_does_not_look_finished_and_is_continued(
    written: Path, tmp_path: Path
) -> None:
    def interrupt(done: int, total: int) -> None:
        assert (done, total) == (1, 2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_benchmark(SETTINGS, tmp_path / "set", interrupt)
    assert set(contents(tmp_path / "set")) == {UNFINISHED, "videos/part_1/1.mp4"}
    told: list[tuple[int, int]] = []
    write_benchmark(SETTINGS, tmp_path / "set", lambda done, total: told.append((done, total)))
    assert told == [(2, 2)]
    assert contents(tmp_path / "set") == contents(written)


def test_a_full_disk_is_said_and_leaves_no_finished_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RunError, match="No space left on device"):
        write_benchmark(SETTINGS, tmp_path / "set")
    assert "synth.json" not in contents(tmp_path / "set")


def test_the_card_says_that_wordless_voices_were_used(written: Path) -> None:
    card = (written / "DATA_CARD.md").read_text()
    assert "No words are spoken" in card
    assert "GPL" not in card


def test_the_card_warns_of_a_correlated_set(tmp_path: Path) -> None:
    biased = SETTINGS.model_copy(update={"items": 1, "correlation": 0.8, "split": Split.TRAIN})
    card = (write_benchmark(biased, tmp_path / "set") / "DATA_CARD.md").read_text()
    assert "biased set for training" in card
    assert "Do not evaluate on it" in card


@pytest.mark.parametrize("changed", [{"agreement_wording": "plain"}, {"faint": 0.5}])
def test_other_settings_are_recorded_and_described(
    written: Path, tmp_path: Path, changed: dict[str, object]
) -> None:
    other = SynthSettings.model_validate({**SETTINGS.model_dump(), **changed})
    with pytest.raises(UsageError, match="other settings"):
        write_benchmark(other, written)
    before, after = contents(written), contents(write_benchmark(other, tmp_path / "set"))
    usual = json.loads(before["synth.json"])["settings"]
    assert json.loads(after["synth.json"])["settings"] == {**usual, **changed}
    assert before["DATA_CARD.md"] != after["DATA_CARD.md"]
