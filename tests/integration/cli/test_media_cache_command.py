"""Decoded clips shared by runs: ``data prepare`` and ``run --media-cache``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.run_record import RESULTS_FILE, Timings
from emoreal_bench.executors.messages import DecodeAnswer, pack, unpack_clip
from emoreal_bench.executors.remote import ClipDecoder
from emoreal_bench.identity import clip_hash, media_key
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.record.folder import load_timings
from tests.media_files import Picture, Sound, make_clip
from tests.small_emorealm import gold_answers, make_data

ITEMS, CLIPS = 12, 6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data") / "set", ITEMS, real=True)


@pytest.fixture(scope="module")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model") / "script.json"
    replies = {item: f"({letter})" for item, letter in gold_answers(data).items()}
    script = {"replies": replies, "modalities": ["video", "audio", "text"]}
    path.write_text(json.dumps(script), encoding="utf-8")
    return f"scripted/{path}"


def ask(model: str, data: Path, out: Path, *more: str) -> tuple[bytes, Timings]:
    words = ["--model", model, "--task", "emorealm", "--data", str(data), "--out", str(out)]
    assert run(["run", *words, "--quiet", *more]) == ExitCode.DONE
    timings = load_timings(out)
    assert timings is not None
    return (out / RESULTS_FILE).read_bytes(), timings


def prepare(data: Path, cache: Path, *more: str) -> int:
    words = ["--task", "emorealm", "--data", str(data), "--media-cache", str(cache), "--json"]
    return run(["data", "prepare", *words, *more])


def test_runs_with_and_without_a_cache_end_in_the_same_bytes(
    data: Path, model: str, tmp_path: Path
) -> None:
    cache = ("--media-cache", str(tmp_path / "cache"))
    plain, _ = ask(model, data, tmp_path / "plain")
    filling, first = ask(model, data, tmp_path / "first", *cache)
    filled, second = ask(model, data, tmp_path / "second", *cache)
    assert plain == filling == filled
    assert (first.clips_decoded, first.clips_from_cache) == (CLIPS, 0)
    assert (second.clips_decoded, second.clips_from_cache) == (0, CLIPS)


def test_a_damaged_entry_is_named_by_the_run_and_changes_nothing(
    data: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = ("--media-cache", str(tmp_path / "cache"))
    whole, _ = ask(model, data, tmp_path / "first", *cache)
    entry = next((tmp_path / "cache").rglob("*.safetensors"))
    entry.write_bytes(entry.read_bytes()[:-1])
    capsys.readouterr()
    mended, timings = ask(model, data, tmp_path / "second", *cache)
    assert mended == whole
    assert (timings.clips_decoded, timings.clips_from_cache) == (1, CLIPS - 1)
    assert capsys.readouterr().err.count(str(entry)) == 1


def test_what_is_prepared_is_not_decoded_again(
    data: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    for decoded, kept in ((CLIPS, 0), (0, CLIPS)):
        assert prepare(data, cache) == ExitCode.DONE
        told = json.loads(capsys.readouterr().out)
        assert (told["decoded"], told["kept"], told["unusable"]) == (decoded, kept, {})
    _, timings = ask(model, data, tmp_path / "run", "--media-cache", str(cache))
    assert timings.clips_decoded == 0


def test_machines_share_the_preparing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = []
    for number in (1, 2):
        assert prepare(data, tmp_path / "cache", "--shard", f"{number}/2") == ExitCode.DONE
        parts.append(json.loads(capsys.readouterr().out)["decoded"])
    assert sum(parts) == CLIPS
    assert prepare(data, tmp_path / "cache") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["kept"] == CLIPS


def test_clips_that_cannot_be_prepared_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_data(tmp_path / "data", 4, real=True)
    clips = sorted((data / "clips").iterdir())
    clips[0].write_bytes(b"no clip")
    clips[1].unlink()
    assert prepare(data, tmp_path / "cache") == ExitCode.INCOMPLETE
    assert len(json.loads(capsys.readouterr().out)["unusable"]) == 2


def test_to_prepare_needs_a_folder(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "prepare", "-t", "emorealm", "-d", str(data)]) == ExitCode.USAGE
    assert "--media-cache" in capsys.readouterr().err


def test_a_longer_clip_than_allowed_fails_whatever_the_cache_holds(
    model: str, tmp_path: Path
) -> None:
    data = make_data(tmp_path / "data", 2, real=True)
    make_clip(data / "clips" / "0.mp4", Picture(frames=50, size=(64, 48)), Sound(2.0, (300.0,)))
    cache = ("--media-cache", str(tmp_path / "cache"))
    ask(model, data, tmp_path / "first", *cache)
    words = ["--model", model, "--task", "emorealm", "--data", str(data), *cache, "--quiet"]
    short = [*words, "--max-clip-seconds", "1", "--out", str(tmp_path / "second")]
    assert run(["run", *short]) == ExitCode.INCOMPLETE


def test_decoders_of_a_cluster_share_a_cache(data: Path, tmp_path: Path) -> None:
    wanted = MediaWanted(frames=2)
    clip = Clip("0", data / "clips" / "0.mp4")
    key = media_key(clip_hash(clip) or "", wanted)
    job = pack(DecodeJob(clip, wanted, key))
    made = []

    async def decode() -> None:
        decoder = ClipDecoder(".", 900.0, (str(tmp_path / "cache"), 10**9))
        said, content = await decoder.decode(job)
        assert DecodeAnswer.model_validate_json(said).outline is not None
        made.append(unpack_clip(content))

    asyncio.run(decode())
    entry = next((tmp_path / "cache").rglob("*.safetensors"))
    used = entry.stat().st_mtime_ns
    asyncio.run(decode())
    assert entry.stat().st_mtime_ns > used, "the second was found there"
    frames = [one.frames for one in made]
    assert frames[0] is not None
    assert frames[1] is not None
    assert (frames[0] == frames[1]).all()
