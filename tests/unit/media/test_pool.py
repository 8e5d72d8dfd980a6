from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from emoreal_bench.contracts.errors import EmorealError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.vocabulary import Alteration, DeliveryStatus
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.pool import DecodePool
from tests.media_files import Picture, make_clip, read_barcodes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX signals")

WANTED = MediaWanted(frames=4)

# A worker that misbehaves where a clip's key says so, and leaves its process id behind.
PROGRAM = """
import os, pathlib, signal, sys, time
from emoreal_bench.media import worker
from emoreal_bench.media.prepare import prepare_clip

folder = pathlib.Path(sys.argv[1])
(folder / f"{os.getpid()}.pid").touch()

def prepare(job, limits):
    match job.clip.key.split():
        case ["hang"]:
            time.sleep(600)
        case ["crash"]:
            os.kill(os.getpid(), signal.SIGSEGV)
        case ["print"]:
            print("a library greets its users", flush=True)
        case ["await", name]:
            (folder / f"{name}.awaited").touch()
            while not (folder / name).exists():
                time.sleep(0.005)
        case ["meet", own, other]:
            (folder / own).touch()
            while not (folder / other).exists():
                time.sleep(0.005)
    return prepare_clip(job, limits)

worker._ORPHAN_SECONDS = 1
worker.serve(prepare)
"""


class Playground:
    """A folder with one clip and a worker program to misbehave."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clip = make_clip(folder / "clip.mp4", Picture(frames=10))
        self.script = folder / "worker.py"
        self.script.write_text(PROGRAM)

    def pool(self, workers: int = 1, limits: DecodeLimits | None = None) -> DecodePool:
        program = (sys.executable, str(self.script), str(self.folder))
        return DecodePool(workers, limits or DecodeLimits(), program=program)

    async def decode(self, pool: DecodePool, behaviour: str = "well") -> ClipMedia:
        return await pool.decode(Clip(behaviour, self.clip), WANTED, "key")

    def started(self) -> list[int]:
        return [int(path.stem) for path in self.folder.glob("*.pid")]

    def running(self) -> list[int]:
        return [pid for pid in self.started() if is_running(pid)]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A process that has ended stays listed until its parent takes notice.
        return sys.platform != "linux" or ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_until(condition: Callable[[], bool]) -> bool:
    """Say whether a condition comes true within a time that only a defect exceeds."""
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def failure_of(answer: ClipMedia | BaseException) -> MediaError:
    assert isinstance(answer, MediaError)
    return answer


@pytest.fixture
def playground(tmp_path: Path) -> Playground:
    return Playground(tmp_path)


def test_a_pool_gives_what_decoding_in_process_gives(playground: Playground) -> None:
    async def run() -> ClipMedia:
        async with DecodePool(1, DecodeLimits()) as pool:
            return await pool.decode(Clip("clip", playground.clip), WANTED, "key")

    given = asyncio.run(run())
    clip = Clip("clip", playground.clip)
    expected = decode_clip(clip, WANTED, key="key", limits=DecodeLimits())
    assert given.frames is not None
    assert given.frames.flags.writeable
    for name in ("frames", "waveform"):
        assert np.array_equal(getattr(given, name), getattr(expected, name))
    for name in ("key", "path", "timestamps", "sample_rate", "duration", "notes"):
        assert getattr(given, name) == getattr(expected, name)


def test_no_process_starts_before_it_is_needed(playground: Playground) -> None:
    async def run() -> None:
        async with playground.pool(2) as pool:
            assert playground.started() == []
            await playground.decode(pool)
            await playground.decode(pool)

    asyncio.run(run())
    assert len(playground.started()) == 1


def test_no_process_is_left_behind(playground: Playground) -> None:
    async def run() -> None:
        async with playground.pool(2) as pool:
            await asyncio.gather(playground.decode(pool), playground.decode(pool))

    asyncio.run(run())
    assert len(playground.started()) == 2
    assert playground.running() == []


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [("hang", MediaProblem.TIME_LIMIT), ("crash", MediaProblem.WORKER_DIED)],
)
def test_a_clip_that_breaks_the_decoder_costs_only_itself(
    playground: Playground, behaviour: str, problem: MediaProblem
) -> None:
    async def run() -> list[ClipMedia | BaseException]:
        async with playground.pool(1, DecodeLimits(seconds=2.0)) as pool:
            jobs = [playground.decode(pool, name) for name in ("well", behaviour, "well")]
            return await asyncio.gather(*jobs, return_exceptions=True)

    before, broken, after = asyncio.run(run())
    assert isinstance(before, ClipMedia)
    assert isinstance(after, ClipMedia)
    assert failure_of(broken).kind is problem
    assert failure_of(broken).where == str(playground.clip)
    assert failure_of(broken).delivery_status is DeliveryStatus.FAILED
    assert playground.running() == []


def test_a_worker_that_is_killed_between_clips_is_replaced(playground: Playground) -> None:
    async def run() -> None:
        async with playground.pool() as pool:
            await playground.decode(pool)
            (pid,) = playground.started()
            os.kill(pid, signal.SIGKILL)
            await playground.decode(pool)

    asyncio.run(run())
    assert len(playground.started()) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_clip_that_needs_too_much_memory_fails(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Picture(frames=5, size=(640, 480)), sound=None)

    async def run() -> list[ClipMedia | BaseException]:
        async with DecodePool(1, DecodeLimits(memory_bytes=256 << 20)) as pool:
            jobs = [
                pool.decode(Clip("clip", path), MediaWanted(frames=frames), "key")
                for frames in (1024, 8)
            ]
            return await asyncio.gather(*jobs, return_exceptions=True)

    greedy, modest = asyncio.run(run())
    assert failure_of(greedy).kind is MediaProblem.MEMORY_LIMIT
    assert isinstance(modest, ClipMedia)


def test_clips_are_decoded_side_by_side(playground: Playground) -> None:
    async def run() -> None:
        async with playground.pool(2) as pool:
            await asyncio.gather(
                playground.decode(pool, "meet one other"), playground.decode(pool, "meet other one")
            )

    asyncio.run(run())


def test_the_caller_can_work_while_a_clip_is_decoded(playground: Playground) -> None:
    async def release() -> None:
        while not (playground.folder / "gate.awaited").exists():
            await asyncio.sleep(0.005)
        (playground.folder / "gate").touch()

    async def run() -> None:
        async with playground.pool() as pool:
            await asyncio.gather(playground.decode(pool, "await gate"), release())

    asyncio.run(run())


def test_never_more_processes_than_workers(playground: Playground) -> None:
    async def run() -> None:
        async with playground.pool(2) as pool:
            await asyncio.gather(*(playground.decode(pool) for _ in range(12)))

    asyncio.run(run())
    assert len(playground.started()) == 2


def test_what_a_library_prints_is_not_taken_for_an_answer(playground: Playground) -> None:
    async def run() -> ClipMedia:
        async with playground.pool() as pool:
            return await playground.decode(pool, "print")

    assert read_barcodes(asyncio.run(run()).frames) == [0, 3, 6, 9]


def test_a_cancelled_clip_leaves_the_pool_usable(playground: Playground) -> None:
    async def run() -> ClipMedia:
        async with playground.pool() as pool:
            hanging = asyncio.create_task(playground.decode(pool, "await never"))
            while not (playground.folder / "never.awaited").exists():
                await asyncio.sleep(0.005)
            hanging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hanging
            assert playground.running() == []
            return await playground.decode(pool)

    assert isinstance(asyncio.run(run()), ClipMedia)


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_workers_end_with_the_run_that_started_them_even_if_they_hang(
    playground: Playground, name: str
) -> None:
    run = f"""
import asyncio, pathlib
from emoreal_bench.media.limits import DecodeLimits
from tests.unit.media.test_pool import Playground

async def main():
    playground = Playground(pathlib.Path({str(playground.folder)!r}))
    async with playground.pool(2, DecodeLimits(seconds=5.0)) as pool:
        await asyncio.gather(playground.decode(pool), playground.decode(pool, "await never"))

asyncio.run(main())
"""
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", run], cwd=root, start_new_session=True, stderr=subprocess.DEVNULL
    )
    assert wait_until((playground.folder / "never.awaited").exists)
    if name == "SIGINT":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to all of them
        assert process.wait(30) == -signal.SIGINT
    else:
        os.kill(playground.started()[0], signal.SIGINT)  # the worker itself takes no notice
        assert playground.running() != []
        process.kill()
        process.wait(30)
    assert wait_until(lambda: playground.running() == [])


def test_an_alteration_is_made_in_the_worker(playground: Playground) -> None:
    other = make_clip(playground.folder / "other.mp4", Picture(frames=20))

    async def run() -> tuple[ClipMedia, ClipMedia]:
        async with DecodePool(1, DecodeLimits()) as pool:
            clip, partner = Clip("clip", playground.clip), Clip("other", other)
            mute = WANTED.model_copy(update={"alteration": Alteration.MUTE})
            swap = WANTED.model_copy(update={"alteration": Alteration.SWAP})
            return (
                await pool.decode(clip, mute, "key"),
                await pool.decode(clip, swap, "key", partner),
            )

    muted, swapped = asyncio.run(run())
    assert muted.waveform is not None
    assert not muted.waveform.any()
    assert read_barcodes(swapped.frames) == [0, 6, 12, 19]


def test_a_swapped_clip_that_is_damaged_is_missing_like_without_the_swap(
    playground: Playground, awkward_clips: dict[str, Path]
) -> None:
    swap = WANTED.model_copy(update={"alteration": Alteration.SWAP})
    broken, whole = Clip("b", awkward_clips["broken: cut short"]), Clip("w", playground.clip)

    async def run() -> None:
        async with DecodePool(1, DecodeLimits()) as pool:
            await pool.decode(broken, swap, "key", whole)

    with pytest.raises(MediaError) as raised:
        asyncio.run(run())
    assert raised.value.delivery_status is DeliveryStatus.MISSING


def test_a_flipped_bit_anywhere_never_ends_the_run(playground: Playground) -> None:
    content = playground.clip.read_bytes()
    random = np.random.default_rng(0)
    clips = []
    for number, place in enumerate(random.integers(0, len(content), 40)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(random.integers(8))
        path = playground.folder / f"{number}.mp4"
        path.write_bytes(damaged)
        clips.append(Clip(str(number), path))

    async def run() -> list[ClipMedia | BaseException]:
        async with DecodePool(2, DecodeLimits(seconds=20.0)) as pool:
            jobs: list[Awaitable[ClipMedia]] = [pool.decode(clip, WANTED, "key") for clip in clips]
            return await asyncio.gather(*jobs, return_exceptions=True)

    for answer in asyncio.run(run()):
        if isinstance(answer, ClipMedia):
            assert answer.frames is None or len(answer.frames) == 4
        else:
            assert isinstance(answer, MediaError)


def test_a_worker_that_does_not_start_ends_the_run_and_blames_no_clip(
    playground: Playground,
) -> None:
    async def run() -> None:
        async with DecodePool(1, DecodeLimits(), program=(sys.executable, "-c", "")) as pool:
            await playground.decode(pool)

    with pytest.raises(EmorealError, match="does not start") as raised:
        asyncio.run(run())
    assert not isinstance(raised.value, MediaError)
