from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import DecodeLimits
from tests.media_files import Picture, Sound, make_clip

FAST_VPX = {"deadline": "realtime", "cpu-used": "8"}


def error_of(path: Path, limits: DecodeLimits | None = None) -> MediaError:
    with pytest.raises(MediaError) as raised:
        decode_clip(Clip("clip", path), MediaWanted(), key="key", limits=limits or DecodeLimits())
    return raised.value


OTHERS = {
    "a list of joined files": ("joined.mp4", "ffconcat version 1.0\nfile other.mp4\n"),
    "a playlist": ("list.m3u8", "#EXTM3U\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n"),
    "a pattern of pictures": ("picture%d.png", None),
    "an index of subtitles": (
        "index.mp4",
        "# VobSub index file, v7\nsize: 720x576\nid: en, index: 0\n"
        "timestamp: 00:00:00:001, filepos: 000000000\n",
    ),
    "a description of a stream": (
        "stream.mp4",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    ),
}


@pytest.mark.parametrize(("name", "text"), OTHERS.values(), ids=OTHERS)
def test_a_clip_is_one_file_and_shows_no_other(name: str, text: str | None, tmp_path: Path) -> None:
    """What it shows has to be what its hash is of, and not what its author names."""
    other, clip = make_clip(tmp_path / "other.mp4", sound=None), tmp_path / name
    if text is None:
        Image.new("RGB", (32, 32)).save(clip)
        Image.new("RGB", (32, 32), "red").save(tmp_path / "picture1.png")
    else:
        clip.write_text(text.format(other=other.as_uri()))
    assert error_of(clip).kind is MediaProblem.DAMAGED


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("broken: absent", MediaProblem.ABSENT),
        ("broken: empty", MediaProblem.EMPTY),
        ("broken: text", MediaProblem.DAMAGED),
        ("broken: cut short", MediaProblem.DAMAGED),
        ("broken: webm cut short", MediaProblem.DAMAGED),
    ],
)
def test_a_file_that_is_no_clip_is_named_and_counts_as_missing(
    awkward_clips: dict[str, Path], kind: str, problem: MediaProblem
) -> None:
    error = error_of(awkward_clips[kind])
    assert error.kind is problem
    assert error.where == str(awkward_clips[kind])
    assert error.remedy
    assert error.delivery_status is DeliveryStatus.MISSING


def test_every_usable_awkward_clip_decodes(awkward_clips: dict[str, Path]) -> None:
    for kind, path in awkward_clips.items():
        if not kind.startswith("broken"):
            clip = Clip(kind, path)
            media = decode_clip(clip, MediaWanted(), key="key", limits=DecodeLimits())
            assert media.frames is not None or kind == "sound only"
            assert media.waveform is not None or kind in {"no sound", "one frame"}


@pytest.mark.parametrize(
    ("name", "picture", "sound", "options"),
    [
        ("late-index.mp4", Picture(), Sound(), {}),
        ("early-index.mp4", Picture(), Sound(), {"movflags": "faststart"}),
        ("fragments.mp4", Picture(), Sound(), {"movflags": "frag_keyframe+empty_moov"}),
        ("clip.mkv", Picture(), Sound(), {}),
        ("clip.webm", Picture(codec="libvpx", options=FAST_VPX), Sound(codec="libopus"), {}),
        ("clip.avi", Picture(codec="mpeg4"), Sound(codec="pcm_s16le"), {}),
        ("sound.wav", None, Sound(codec="pcm_s16le"), {}),
    ],
)
def test_a_file_cut_anywhere_is_damaged_and_never_quietly_shorter(
    tmp_path: Path, name: str, picture: Picture | None, sound: Sound, options: dict[str, str]
) -> None:
    whole = make_clip(tmp_path / name, picture, sound, container_options=options).read_bytes()
    short = tmp_path / f"short-{name}"
    for twentieth in range(1, 20):
        short.write_bytes(whole[: len(whole) * twentieth // 20])
        assert error_of(short).kind is MediaProblem.DAMAGED


@pytest.mark.parametrize("kind", ["plain", "webm"])
def test_a_single_byte_that_lacks_is_found(
    awkward_clips: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    short = tmp_path / awkward_clips[kind].name
    short.write_bytes(awkward_clips[kind].read_bytes()[:-1])
    assert error_of(short).kind is MediaProblem.DAMAGED


def test_a_clip_that_stops_decoding_midway_is_damaged(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", Picture(size=(320, 240)), sound=None)
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : 2 * len(content) // 3] = bytes(len(content) // 3)
    path.write_bytes(content)
    assert error_of(path).kind is MediaProblem.DAMAGED


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_that_never_ends_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    assert error_of(pipe).kind is MediaProblem.NOT_A_FILE


def test_a_folder_is_no_clip(tmp_path: Path) -> None:
    assert error_of(tmp_path).kind is MediaProblem.NOT_A_FILE


def test_a_playlist_cannot_reach_for_the_network(tmp_path: Path) -> None:
    playlist = tmp_path / "clip.m3u8"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nhttp://localhost:9/clip.ts\n#EXT-X-ENDLIST\n")
    assert error_of(playlist).kind is MediaProblem.DAMAGED


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (DecodeLimits(seconds=0.0), MediaProblem.TIME_LIMIT),
        (DecodeLimits(clip_seconds=0.5), MediaProblem.TOO_LONG),
        (DecodeLimits(compressed_bytes=1_000), MediaProblem.TOO_LARGE),
        (DecodeLimits(frame_pixels=100 * 100), MediaProblem.TOO_LARGE),
    ],
)
def test_a_clip_beyond_a_limit_fails(
    awkward_clips: dict[str, Path], limits: DecodeLimits, problem: MediaProblem
) -> None:
    error = error_of(awkward_clips["plain"], limits)
    assert error.kind is problem
    assert error.delivery_status is DeliveryStatus.FAILED


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "http:clip #1 50%.mp4")
    media = decode_clip(Clip("clip", path), MediaWanted(), key="key", limits=DecodeLimits())
    assert media.frames is not None
