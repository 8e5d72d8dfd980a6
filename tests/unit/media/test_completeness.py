from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.media.completeness import missing_bytes
from tests.media_files import Picture, Sound, make_clip

FAST_VPX = {"deadline": "realtime", "cpu-used": "8"}


@pytest.fixture(params=["clip.mp4", "clip.mkv", "clip.webm", "clip.avi", "clip.ts", "sound.wav"])
def whole_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name: str = request.param
    webm = name.endswith("webm")
    picture = Picture(codec="libvpx", options=FAST_VPX) if webm else Picture()
    sound = Sound(codec="libopus" if webm else "aac")
    if name in {"clip.avi", "sound.wav"}:
        sound = Sound(codec="pcm_s16le")
    return make_clip(tmp_path / name, None if name == "sound.wav" else picture, sound)


def test_a_whole_file_lacks_nothing(whole_file: Path) -> None:
    assert missing_bytes(whole_file) == 0


def test_bytes_after_the_end_are_no_lack(whole_file: Path) -> None:
    if whole_file.suffix != ".ts":  # any byte there is part of a further packet
        whole_file.write_bytes(whole_file.read_bytes() + b"\x00\x01junk of an old tool")
        assert missing_bytes(whole_file) == 0


def test_the_lacking_bytes_are_counted(whole_file: Path) -> None:
    content = whole_file.read_bytes()
    whole_file.write_bytes(content[:-100])
    # The size of a RIFF file is not relied on to the last eight bytes.
    expected = 92 if content[:4] == b"RIFF" else 100
    assert missing_bytes(whole_file) == expected


def test_a_live_recording_states_no_size_and_lacks_nothing(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv")
    content = bytearray(path.read_bytes())
    size = content.index(b"\x18\x53\x80\x67") + 4
    content[size : size + 8] = b"\x01" + b"\xff" * 7
    path.write_bytes(content[:-100])
    assert missing_bytes(path) == 0


def test_a_wave_file_whose_size_includes_its_own_header_is_whole(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "sound.wav", None, Sound(codec="pcm_s16le"))
    content = bytearray(path.read_bytes())
    content[4:8] = len(content).to_bytes(4, "little")
    path.write_bytes(content)
    assert missing_bytes(path) == 0


@pytest.mark.parametrize("content", [b"\x00", b"RIFF", b"\x1a\x45\xdf\xa3", b"\x47", b"plain text"])
def test_a_file_of_another_kind_promises_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert missing_bytes(path) == 0
