"""The two trees that the authors read, made from the clips as their owner gives them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import DataError, RunError, UsageError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.note import NoteKind
from emoreal_bench.datasets import reencode
from emoreal_bench.datasets.prepare import PreparedLayout, prepare_layout
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.probe import probe_clip
from emoreal_bench.readers import load_items
from emoreal_bench.synth import SpeechEngine, SynthSettings, write_benchmark
from tests.media_files import Picture, Sound, cut_bytes, make_clip, read_barcode
from tests.unit.readers.layouts import write_json, write_text

SMALL = (64, 48)


def prepare(source: Path) -> PreparedLayout:
    return prepare_layout(source, source.parent, workers=1)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "clips" / "part_1"
    folder.mkdir(parents=True)
    return folder.parent


def numbers_in(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [
            read_barcode(frame.to_ndarray(format="rgb24").astype(np.uint8))
            for frame in container.decode(video=0)
        ]


def test_both_trees_mirror_the_source(source: Path) -> None:
    make_clip(source / "part_1/1.avi", Picture(frames=10, size=SMALL), Sound(seconds=0.4))
    report = prepare(source)
    assert report.made == 1
    assert Path(report.pictures) == source.parent / "clips_24fps"
    assert (source.parent / "clips_24fps/part_1/1.mp4").is_file()
    assert (source.parent / "clips_16khz/part_1/1.wav").is_file()


@pytest.mark.parametrize("rate", [12, 24, 30, 50])
def test_frames_come_24_times_a_second_at_their_time(rate: int, source: Path) -> None:
    make_clip(
        source / "part_1/1.mp4", Picture(frames=rate, rate=rate, size=SMALL), Sound(seconds=1.0)
    )
    prepare(source)
    path = source.parent / "clips_24fps/part_1/1.mp4"
    facts = probe_clip(Clip("1", path))
    assert facts.frame_rate == pytest.approx(24)
    numbers = numbers_in(path)
    assert len(numbers) == pytest.approx(24, abs=1)
    wanted = [index * rate / 24 for index in range(len(numbers))]
    assert np.abs(np.subtract(numbers, wanted)).max() <= 1


def test_sound_is_16_khz_mono_in_both_trees(source: Path) -> None:
    make_clip(
        source / "part_1/1.mp4",
        Picture(frames=25, size=SMALL),
        Sound(seconds=1.0, pitches=(440.0, 440.0), sample_rate=44_100),
    )
    prepare(source)
    for tree, suffix in (("clips_24fps", "mp4"), ("clips_16khz", "wav")):
        with av.open(str(source.parent / tree / f"part_1/1.{suffix}")) as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
            context = container.streams.audio[0].codec_context
            assert (context.sample_rate, context.channels) == (16_000, 1)
        samples = np.concatenate([frame.reshape(-1) for frame in frames]).astype(float)
        spectrum = np.abs(np.fft.rfft(samples))
        assert spectrum.argmax() * 16_000 / len(samples) == pytest.approx(440, abs=3)
        assert len(samples) / 16_000 == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_late_and_interrupted_sound_keeps_its_times(suffix: str, source: Path) -> None:
    picture = Picture(frames=75, size=SMALL)
    sounds = {"late": Sound(1.0, start=2.0), "gap": Sound(3.0, gap=(1.0, 2.0))}
    for name, sound in sounds.items():
        make_clip(source / f"part_1/{name}.{suffix}", picture, sound)
    report = prepare(source)
    assert heard_in(source.parent / "clips_16khz/part_1/late.wav") == times((2.0, 3.0))
    assert heard_in(source.parent / "clips_24fps/part_1/late.mp4") == times((2.0, 3.0))
    assert heard_in(source.parent / "clips_16khz/part_1/gap.wav") == times((0.0, 1.0), (2.0, 3.0))
    assert set(report.notes) == {f"part_1/late.{suffix}", f"part_1/gap.{suffix}"}


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_a_late_picture_keeps_its_times(suffix: str, source: Path) -> None:
    picture = Picture(frames=25, size=SMALL, start=2.0)
    make_clip(source / f"part_1/1.{suffix}", picture, Sound(3.0))
    report = prepare(source)
    made = source.parent / "clips_24fps/part_1/1.mp4"
    with av.open(str(made)) as container:
        first = next(container.decode(video=0))
        assert first.time == pytest.approx(2.0, abs=0.1)
    assert heard_in(made) == times((0.0, 3.0))
    (note,) = report.notes[f"part_1/1.{suffix}"]
    assert note.startswith("picture starts ")
    clip = Clip("1", made, source.parent / "clips_16khz/part_1/1.wav")
    media = decode_clip(clip, MediaWanted(), key="key", limits=DecodeLimits())
    assert media.timestamps[0] == pytest.approx(2.0, abs=0.1)


def heard_in(path: Path) -> list[tuple[float, float]]:
    """Return from when to when there is sound in a file of 16 kHz, by the times of its frames."""
    samples = np.zeros(0)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            begin = max(round((frame.time or 0.0) * 16_000), 0)
            block = frame.to_ndarray().reshape(-1).astype(float)
            block /= 32_768 if frame.format.name == "s16" else 1
            samples = np.concatenate([samples, np.zeros(max(begin - len(samples), 0)), block])
    blocks = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    loud = np.concatenate([[0], np.abs(blocks).max(axis=1) > 0.05, [0]]).astype(int)
    edges = np.flatnonzero(np.diff(loud)) / 50
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def times(*expected: tuple[float, float]) -> list[object]:
    return [pytest.approx(span, abs=0.15) for span in expected]


def test_the_default_track_is_the_sound(source: Path) -> None:
    silent = Sound(1.0, level=0.0, marks=Disposition.comment)
    film = Sound(1.0, marks=Disposition.default)
    make_clip(source / "part_1/1.mkv", Picture(frames=25, size=SMALL), film, before=(silent,))
    report = prepare(source)
    assert heard_in(source.parent / "clips_16khz/part_1/1.wav") == times((0.0, 1.0))
    assert report.notes == {"part_1/1.mkv": ("sound is track 2 of 2",)}


def test_a_silent_clip_is_listed_and_has_no_wav(source: Path) -> None:
    make_clip(source / "part_1/1.mp4", Picture(frames=5, size=SMALL), None)
    report = prepare(source)
    assert report.without_sound == ("part_1/1.mp4",)
    assert not list(source.parent.rglob("*.wav"))


def test_a_damaged_clip_is_listed_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4", Picture(frames=25, size=SMALL), Sound())
    cut_bytes(whole, source / "part_1/1.mp4", 0.6)
    make_clip(source / "part_1/2.mp4", Picture(frames=5, size=SMALL), Sound(seconds=0.2))
    make_clip(source / "part_1/3.mkv", None, Sound(seconds=0.2, codec="libopus"))
    report = prepare(source)
    assert report.made == 1
    assert set(report.damaged) == {"part_1/1.mp4", "part_1/3.mkv"}
    assert report.damaged["part_1/3.mkv"] == "has no picture"
    made = [path for path in source.parent.rglob("*") if path.is_file() and "khz" in str(path)]
    assert [path.name for path in made] == ["2.wav"]
    assert not list(source.parent.rglob(".*"))


def test_finished_clips_are_kept_and_the_others_made(source: Path) -> None:
    for number in (1, 2):
        make_clip(source / f"part_1/{number}.mp4", Picture(frames=5, size=SMALL), None)
    prepare(source)
    first, second = (source.parent / f"clips_24fps/part_1/{number}.mp4" for number in (1, 2))
    before = first.stat().st_mtime_ns
    second.unlink()
    report = prepare(source)
    assert (report.kept, report.made) == (1, 1)
    assert first.stat().st_mtime_ns == before
    assert second.is_file()


@pytest.mark.parametrize("name", ["clips_24fps/part_1/1.mp4", "clips_16khz/part_1/1.wav"])
def test_a_link_in_the_place_of_a_finished_clip_is_not_taken_for_it(
    source: Path, name: str
) -> None:
    make_clip(source / "part_1/1.mp4", Picture(frames=5, size=SMALL), Sound(seconds=0.2))
    prepare(source)
    place, other = source.parent / name, source.parent / "other"
    expected = place.read_bytes()
    place.unlink()
    other.write_bytes(b"of somebody else")
    place.symlink_to(other)
    assert prepare(source).made == 1
    assert not place.is_symlink()
    assert place.read_bytes() == expected
    assert other.read_bytes() == b"of somebody else"


def test_odd_sizes_are_padded_by_one(source: Path) -> None:
    odd = Picture(frames=5, size=(65, 49), codec="ffv1")
    make_clip(source / "part_1/1.mkv", odd, None)
    prepare(source)
    facts = probe_clip(Clip("1", source.parent / "clips_24fps/part_1/1.mp4"))
    assert (facts.width, facts.height) == (66, 50)


def test_a_turned_picture_stays_turned(source: Path) -> None:
    make_clip(source / "part_1/1.mp4", Picture(frames=5, size=SMALL, rotation=90), None)
    prepare(source)
    with av.open(str(source.parent / "clips_24fps/part_1/1.mp4")) as container:
        assert next(container.decode(video=0)).rotation == 90


@pytest.mark.parametrize("name", ["dfew", "emorealm"])
def test_readers_take_the_prepared_trees_before_the_clips(name: str, source: Path) -> None:
    make_clip(source / "part_1/1.mp4", Picture(frames=5, size=SMALL), Sound(seconds=0.2))
    prepare(source)
    root = source.parent
    write_text(root, "test(single-labeled)/set_1.csv", "video_name,label\n1,1\n")
    question = {"id": "q", "video": "part_1/1.mp4", "question": "Why?", "answer": "A"}
    choices = {"task": "reasoning_basic_audio", "choices": ["(A) a", "(B) b"]}
    write_json(root, "emorealm_v1.json", [{**question, **choices}])
    (clip,) = load_items(find_task(name).task, root, {}).clips.values()
    assert clip.video == root / "clips_24fps/part_1/1.mp4"
    assert clip.audio == root / "clips_16khz/part_1/1.wav"


def test_progress_counts_clips(source: Path) -> None:
    for number in (1, 2):
        make_clip(source / f"part_1/{number}.mp4", Picture(frames=5, size=SMALL), None)
    seen: list[tuple[int, int]] = []
    prepare_layout(source, source.parent, lambda done, of: seen.append((done, of)))
    assert seen == [(1, 2), (2, 2)]


def test_a_colon_in_the_name_of_the_folder_is_no_protocol(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clip(source / "part_1/1.avi", Picture(frames=10, size=SMALL), Sound(seconds=0.4))
    monkeypatch.chdir(source.parent)
    assert prepare_layout(source, Path("own:data"), workers=1).made == 1
    assert (source.parent / "own:data/clips_24fps/part_1/1.mp4").is_file()


def test_the_output_may_not_lie_within_the_source(source: Path) -> None:
    with pytest.raises(UsageError, match="within the clips"):
        prepare_layout(source, source / "part_1")


def test_two_clips_of_one_name_are_refused_with_both(source: Path) -> None:
    for suffix in ("mp4", "avi"):
        (source / f"part_1/1.{suffix}").write_bytes(b"clip")
    with pytest.raises(DataError, match="Two clips would become") as caught:
        prepare(source)
    assert "1.avi and" in str(caught.value)
    assert "1.mp4" in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere", "clips"])
def test_a_folder_without_clips_is_refused(name: str, source: Path) -> None:
    with pytest.raises(DataError) as caught:
        prepare_layout(source.parent / name, source.parent)
    assert str(source.parent / name) in str(caught.value)
    assert caught.value.remedy


def test_a_file_that_cannot_be_written_ends_the_work(source: Path) -> None:
    make_clip(source / "part_1/1.mp4", Picture(frames=5, size=SMALL), None)
    (source.parent / "clips_24fps").write_text("in the way")
    with pytest.raises(RunError, match="cannot be written") as caught:
        prepare(source)
    assert "clips_24fps/part_1/1.mp4" in str(caught.value)


def test_frames_are_as_a_player_shows_them(source: Path) -> None:
    make_clip(source / "1.mp4", Picture(aspect=Fraction(2)), Sound())
    report = prepare(source)
    assert report.notes == {"1.mp4": (NoteKind.PIXELS_NOT_SQUARE.text(2, 1),)}
    facts = probe_clip(Clip("1", source.parent / "clips_24fps/1.mp4"))
    assert (facts.width, facts.height) == (320, 120)
    assert numbers_in(source.parent / "clips_24fps/1.mp4")[-1] == 24


def test_joined_recordings_follow_on_each_other_and_keep_one_size(source: Path) -> None:
    parts = [
        make_clip(source.parent / f"{width}.ts", Picture(size=(width, 120)), Sound())
        for width in (160, 240)
    ]
    (source / "1.mkv").write_bytes(b"".join(part.read_bytes() for part in parts))
    report = prepare(source)
    assert report.notes == {"1.mkv": (NoteKind.JOINED.text(2), NoteKind.SIZE_CHANGES.text())}
    path = source.parent / "clips_24fps/1.mp4"
    numbers = numbers_in(path)
    assert (numbers[0], max(numbers[:26]), numbers[-1]) == (0, 24, 24)
    assert len(numbers) == pytest.approx(48, abs=2)
    assert probe_clip(Clip("1", path)).seconds == pytest.approx(2.0, abs=0.2)


def test_a_silent_track_is_noted_with_the_one_beside_it_that_sounds(source: Path) -> None:
    silent = Sound(level=0.0, codec="pcm_s16le")
    loud = Sound(codec="pcm_s16le")
    make_clip(source / "1.mov", Picture(size=SMALL), loud, before=(silent,))
    (notes,) = prepare(source).notes.values()
    assert any(note.startswith("sound track 2 of 2 is left out") for note in notes)


def test_a_clip_is_encoded_as_by_the_plain_code_of_the_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left to itself, x264 may encode this clip now in one way and now in another."""
    settings = SynthSettings(items=5, seed=11, speech=SpeechEngine.WORDLESS)
    clip = write_benchmark(settings, tmp_path / "drawn") / "videos" / "part_1" / "1.mp4"
    times = reencode.read_times(clip)
    fast, plain = tmp_path / "fast.mp4", tmp_path / "plain.mp4"
    reencode.write_mp4(clip, times, None, fast)
    monkeypatch.setitem(reencode._QUALITY, "x264-params", "asm=0")
    reencode.write_mp4(clip, times, None, plain)
    assert fast.read_bytes() == plain.read_bytes()
