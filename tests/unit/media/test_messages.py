"""What a decode pool and its workers write to each other arrives as it was, or is refused."""

from __future__ import annotations

import asyncio
import io
import json
import pickle
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emoreal_bench.contracts.errors import EmorealError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.vocabulary import Alteration
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.messages import (
    Message,
    MessageError,
    pack_message,
    read_message,
    receive_message,
)
from emoreal_bench.media.pool import DecodePool

CLIP = Clip("clip", Path("clip.mp4"))
NO_UNICODE = Path("caf\udce9.mp4")
"""A name in Latin-1, as Python reads it on Linux."""


def media_of(frames: Any, waveform: Any) -> ClipMedia:
    return ClipMedia("key", NO_UNICODE, frames, (0.0, 0.1), waveform, 16_000, 1 / 3, ("a note",))


def written(content: Message) -> bytes:
    return b"".join(pack_message(content))


def bytes_of(head: object, *arrays: bytes) -> bytes:
    pieces = [json.dumps(head).encode(), *arrays]
    lengths = struct.pack(f"<{len(pieces)}Q", *map(len, pieces))
    return b"".join([struct.pack("<I", len(pieces)), lengths, *pieces])


def read_both_ways(content: bytes) -> list[Message]:
    async def receive() -> Message:
        reader = asyncio.StreamReader()
        reader.feed_data(content)
        reader.feed_eof()
        return await receive_message(reader)

    return [read_message(io.BytesIO(content)), asyncio.run(receive())]


@pytest.mark.parametrize(
    "content",
    [
        DecodeLimits(),
        DecodeLimits(seconds=float("inf"), memory_bytes=1 << 40),
        DecodeJob(CLIP, MediaWanted(), "key"),
        DecodeJob(Clip("é", NO_UNICODE, Path("clip.wav")), MediaWanted(size=None), "key"),
        DecodeJob(CLIP, MediaWanted(alteration=Alteration.SWAP), "key", Clip("other", Path("o"))),
    ],
)
def test_limits_and_jobs_arrive_as_they_were(content: Message) -> None:
    assert read_both_ways(written(content)) == [content, content]


@pytest.mark.parametrize("kind", MediaProblem)
def test_an_error_of_every_kind_arrives_as_it_was(kind: MediaProblem) -> None:
    error = MediaError(kind, "lasts 900 s", str(NO_UNICODE))
    for arrived in read_both_ways(written(error)):
        assert isinstance(arrived, MediaError)
        assert (arrived.kind, str(arrived)) == (kind, str(error))
        assert (arrived.problem, arrived.where) == (error.problem, error.where)


@pytest.mark.parametrize(
    ("frames", "waveform"),
    [
        (np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3), np.array([-1, 0.5], np.float32)),
        (None, np.array([np.nan, np.inf, -0.0], np.float32)),
        (np.zeros((0, 4, 4, 3), np.uint8), None),
        (None, None),
        (np.arange(24, dtype=np.uint8).reshape(4, 6)[::2, ::3], np.zeros(0, np.float32)),
        (np.asfortranarray(np.arange(6).reshape(2, 3)), np.array(7.0, ">f8")),
        (np.array([True, False]), np.array([1 + 2j, 3], np.complex64)),
        (np.arange(3, dtype=">i2"), np.arange(3, dtype=np.float16)),
    ],
)
def test_media_arrives_as_it_was_and_can_be_written_to(frames: Any, waveform: Any) -> None:
    media = media_of(frames, waveform)
    for arrived in read_both_ways(written(media)):
        assert isinstance(arrived, ClipMedia)
        for name in ("key", "path", "timestamps", "sample_rate", "duration", "notes"):
            assert getattr(arrived, name) == getattr(media, name)
        for there, here in ((arrived.frames, frames), (arrived.waveform, waveform)):
            assert (there is None) == (here is None)
            if there is not None:
                assert there.dtype == here.dtype
                assert there.shape == here.shape
                assert there.tobytes() == here.tobytes()
                assert there.flags.writeable


def test_arrays_are_not_copied_on_their_way_out() -> None:
    frames = np.ones((2, 2, 2, 3), np.uint8)
    pieces = pack_message(media_of(frames, None))
    assert np.shares_memory(np.frombuffer(pieces[-1], np.uint8), frames)


def a_head(**changes: Any) -> dict[str, Any]:
    """Return the head of media with two bytes of sound, changed."""
    media: dict[str, Any] = {
        "key": "key",
        "path": None,
        "frames": None,
        "timestamps": [],
        "sample_rate": 1,
    }
    sound = {"dtype": "|u1", "shape": [2]}
    return {"media": {**media, "waveform": sound, "duration": 1.0, "notes": [], **changes}}


class Hostile:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> Any:
        return sys.exit, (3,)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(struct.pack("<IQ", 1, 40) + pickle.dumps(Hostile()).ljust(40), id="pickle"),
        pytest.param(bytes_of({}), id="no kind"),
        pytest.param(bytes_of([]), id="no object"),
        pytest.param(bytes_of({"import": "os"}), id="unknown kind"),
        pytest.param(bytes_of({"error": {"kind": "?", "problem": "", "where": ""}}), id="problem"),
        pytest.param(bytes_of(a_head(more=1), b"ab"), id="unknown field"),
        pytest.param(bytes_of(a_head(key=1), b"ab"), id="field of another type"),
        pytest.param(bytes_of(a_head(waveform={"dtype": "|O8", "shape": [1]}), bytes(8)), id="O"),
        pytest.param(bytes_of(a_head(waveform={"dtype": "<f3", "shape": [1]}), bytes(3)), id="f3"),
        pytest.param(bytes_of(a_head(waveform={"dtype": "|u1", "shape": [-2]}), b"ab"), id="shape"),
        pytest.param(bytes_of(a_head(), b"a"), id="too few bytes"),
        pytest.param(bytes_of(a_head(), b"abc"), id="too many bytes"),
        pytest.param(bytes_of(a_head()), id="no bytes"),
        pytest.param(struct.pack("<I", 0), id="no head"),
        pytest.param(struct.pack("<I", 1 << 31), id="too many pieces"),
        pytest.param(struct.pack("<IQ", 1, 5) + b"\xff" * 5, id="no text"),
        pytest.param(struct.pack("<IQ", 1, 200_000) + b"[" * 200_000, id="nested too deep"),
    ],
)
def test_bytes_that_are_no_message_are_refused(content: bytes) -> None:
    with pytest.raises(MessageError):
        read_both_ways(content)


def test_a_well_formed_head_is_read() -> None:
    for media in read_both_ways(bytes_of(a_head(), b"ab")):
        assert isinstance(media, ClipMedia)
        assert media.waveform is not None
        assert media.waveform.tolist() == [97, 98]


def answer(tmp_path: Path, *messages: bytes) -> None:
    """Decode with a worker that answers so, whatever it is asked."""
    script = tmp_path / "worker.py"
    script.write_text(f"""
import sys, time
from emoreal_bench.media.messages import read_message
for message in {messages!r}:
    read_message(sys.stdin.buffer)
    sys.stdout.buffer.write(message)
    sys.stdout.buffer.flush()
time.sleep(60)
""")

    async def run() -> None:
        program = (sys.executable, str(script))
        async with DecodePool(1, DecodeLimits(), program=program) as pool:
            await pool.decode(CLIP, MediaWanted(), "key")

    asyncio.run(run())


@pytest.mark.parametrize(
    "message",
    [
        bytes_of({"import": "os"}),
        struct.pack("<IQ", 1, 1 << 63),
        written(DecodeJob(CLIP, MediaWanted(), "key")),
    ],
    ids=["unknown", "endless", "out of turn"],
)
def test_a_worker_that_answers_with_something_else_counts_as_crashed(
    tmp_path: Path, message: bytes
) -> None:
    with pytest.raises(MediaError) as raised:
        answer(tmp_path, written(DecodeLimits()), message)
    assert raised.value.kind is MediaProblem.WORKER_DIED
    assert raised.value.where == str(CLIP.video)


def test_a_worker_that_begins_with_something_else_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(EmorealError, match="does not start"):
        answer(tmp_path, b"Hello, World!")
