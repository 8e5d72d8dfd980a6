"""What a copy or a machine that is not what the run began with is told."""

from __future__ import annotations

import asyncio
import logging
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.errors import DataError, NotComparableError, RunError, UsageError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.executors.adapter import ModelNamed, RayAdapter
from emoreal_bench.executors.cluster import Cluster
from emoreal_bench.executors.decoder import RayDecoder, RemoteMedia
from emoreal_bench.executors.messages import read_as, unpack_clip
from emoreal_bench.executors.remote import ModelCopy, Opened
from emoreal_bench.executors.settings import RayOptions, parse_per_copy
from emoreal_bench.identity import clip_hash, media_key
from emoreal_bench.media.errors import MediaError
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.prepare import prepare_clip
from emoreal_bench.model_adapters import create_adapter
from tests.media_files import Picture, Sound, make_clip

WANTED = MediaWanted(frames=3, size=32)
SAMPLE_WORKER = Path(__file__).parents[3] / "examples" / "workers" / "sample" / "worker.py"


def _write_clip(path: Path, frames: int = 10) -> Path:
    make_clip(path, Picture(frames=frames), Sound())
    return path


@pytest.fixture
def connected(cluster: Any) -> Iterator[Cluster]:
    """A connection of this process to the cluster."""
    made = Cluster(RayOptions(address=cluster.address))
    made.connect()
    yield made
    made.close()


def test_no_process_imports_what_lies_in_the_folder_of_the_command(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, noted = tmp_path / "theirs", tmp_path / "was-imported"
    theirs.mkdir()
    for name in ("av", "pydantic", "emoreal_bench"):
        (theirs / f"{name}.py").write_text(f"open({str(noted)!r}, 'a').write(__name__)")
    monkeypatch.chdir(theirs)
    made = Cluster(RayOptions(address=cluster.address))
    made.connect()
    try:
        copy = made.start(ModelCopy, str(theirs), "baseline/random", {}, None)
        opened = asyncio.run(copy.call("open"))
    finally:
        made.close()
    assert not noted.exists(), noted.read_text()
    assert read_as(Opened, opened).description is not None


def _decode(cluster: Cluster, clip: Clip, key: str, *, ship_clips: bool) -> ClipMedia:
    async def decode() -> Any:
        decoder = RayDecoder(cluster, 1, 60.0, ship_clips=ship_clips)
        try:
            async with decoder.ready():
                media = await decoder.decode(clip, WANTED, key)
            assert isinstance(media, RemoteMedia)
            assert media.place is not None
            return replace(media, place=None), await media.place.content
        finally:
            decoder.close()

    media, content = asyncio.run(decode())
    here = prepare_clip(DecodeJob(clip, WANTED, key), DecodeLimits())
    there = unpack_clip(content)
    assert there.frames is not None
    assert here.frames is not None
    assert there.frames.tobytes() == here.frames.tobytes()
    assert media.level() == here.level()
    assert media.frames.shape == here.frames.shape
    return there


def _key(clip: Clip) -> str:
    found = clip_hash(clip)
    assert found is not None
    return media_key(found, WANTED)


@pytest.mark.parametrize("ship_clips", [False, True], ids=["by path", "shipped"])
def test_a_clip_is_the_same_wherever_it_is_decoded(
    connected: Cluster, tmp_path: Path, *, ship_clips: bool
) -> None:
    clip = Clip("clip", _write_clip(tmp_path / "clip.mp4"))
    decoded = _decode(connected, clip, _key(clip), ship_clips=ship_clips)
    assert (decoded.path is None) is ship_clips


def test_a_machine_that_reads_other_bytes_is_refused(connected: Cluster, tmp_path: Path) -> None:
    clip = Clip("clip", _write_clip(tmp_path / "clip.mp4"))
    key = _key(clip)
    _write_clip(tmp_path / "clip.mp4", frames=12)
    with pytest.raises(DataError, match="are not those that the run began with"):
        _decode(connected, clip, key, ship_clips=False)


def test_a_machine_that_does_not_see_a_clip_is_refused(connected: Cluster, tmp_path: Path) -> None:
    clip = Clip("clip", _write_clip(tmp_path / "clip.mp4"))
    key = _key(clip)
    clip.video.unlink()
    with pytest.raises(DataError, match=r"cannot be read on .*(?s:.)*--ship-clips"):
        _decode(connected, clip, key, ship_clips=False)


def test_a_damaged_clip_costs_itself_alone(connected: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no film")
    clip = Clip("clip", path)
    with pytest.raises(MediaError):
        _decode(connected, clip, _key(clip), ship_clips=True)


def _open(cluster: Any, adapter: RayAdapter) -> None:
    async def open_and_close() -> None:
        async with adapter:
            pass

    asyncio.run(open_and_close())


def test_a_copy_that_is_another_model_is_refused_by_name(cluster: Any) -> None:
    class OfAnotherVersion(type(create_adapter("baseline/random"))):  # type: ignore[misc]
        def describe(self) -> ModelDescription:
            described: ModelDescription = super().describe()
            return described.model_copy(update={"versions": {"torch": "0.1"}})

    here = create_adapter("baseline/random")
    here.__class__ = OfAnotherVersion
    adapter = RayAdapter(here, ModelNamed("baseline/random"), RayOptions(cluster.address))
    with pytest.raises(NotComparableError, match=r"torch None, here 0\.1"):
        _open(cluster, adapter)


def test_a_copy_that_cannot_open_its_model_says_so_once(cluster: Any, tmp_path: Path) -> None:
    here = create_adapter("baseline/random")
    named = ModelNamed(f"scripted/{tmp_path / 'nothing.json'}")
    adapter = RayAdapter(here, named, RayOptions(cluster.address, copies=2))
    with pytest.raises(RunError, match=r"cannot open the model.*nothing\.json"):
        _open(cluster, adapter)


_ENDS_ITS_COPY = """
import os, runpy, sys
from pathlib import Path

times, noted, worker = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
process = os.getpid()
while process and not Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"ray::ModelCopy"):
    process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
if process:  # Otherwise the driver asks who the model is.
    with noted.open("a") as note:
        note.write("x")
    if len(noted.read_text()) <= times:
        os.kill(process, 9)
runpy.run_path(worker, run_name="__main__")
"""


def _ending_its_copy(cluster: Any, home: Path, times: int) -> RayAdapter:
    """Return one copy of a worker that ends the copy at its first starts."""
    script = home / "worker.py"
    script.write_text(_ENDS_ITS_COPY)
    command = shlex.join(
        [sys.executable, str(script), str(times), str(home / "starts"), str(SAMPLE_WORKER)]
    )
    named = ModelNamed("worker/sample", {"command": command})
    here = create_adapter(named.model, named.arguments)
    return RayAdapter(here, named, RayOptions(cluster.address))


def test_a_copy_that_is_lost_while_it_loads_is_replaced(cluster: Any, tmp_path: Path) -> None:
    _open(cluster, _ending_its_copy(cluster, tmp_path, times=2))
    # A copy starts its worker twice: to hear who it is, and to ask it.
    assert (tmp_path / "starts").read_text() == "xx" + "xx"


def test_copies_that_are_lost_while_they_load_three_times_end_the_run(
    cluster: Any, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match=r"lost 3 times in a row while they were load(?s:.*)memory"):
        _open(cluster, _ending_its_copy(cluster, tmp_path, times=9))
    assert (tmp_path / "starts").read_text() == "xxx"


@pytest.mark.parametrize("text", ["gpu=1", "gpus=one", "gpus=-1", "cpus=1,cpus=2", "cpus=inf"])
def test_needs_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="gpus=1,cpus=4"):
        parse_per_copy(text)


@pytest.mark.parametrize("address", ["ray://host:10001", "host", ":6379", "host:port"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="no address of a Ray cluster"):
        Cluster(RayOptions(address)).connect()


def test_a_local_cluster_that_does_not_start_is_no_fault_of_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import ray

    def time_out(**_: object) -> None:
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", time_out)
    with pytest.raises(RunError, match=r"local Ray cluster did not start: .*timed out") as raised:
        Cluster(RayOptions()).connect()
    assert raised.value.remedy is not None
    assert "leave out --executor ray" in raised.value.remedy
    with pytest.raises(RunError, match="cannot be reached"):
        Cluster(RayOptions(address="auto")).connect()

    def go_wrong(**_: object) -> None:
        raise TypeError("a defect")

    monkeypatch.setattr(ray, "init", go_wrong)
    with pytest.raises(TypeError, match="a defect"):
        Cluster(RayOptions()).connect()
    # Nor does Ray talk of its dashboard by itself.
    assert not logging.getLogger("ray._private.services").isEnabledFor(logging.INFO)
