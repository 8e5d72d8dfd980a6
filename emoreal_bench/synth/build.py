"""Writing a synthetic benchmark to a folder, whole or resumable."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.identity import check_plain_file
from emoreal_bench.processes import importing_nothing_from_here
from emoreal_bench.record.files import (
    cannot_write,
    make_folder,
    remove_dead_drafts,
    write_atomically,
)
from emoreal_bench.synth.card import data_card
from emoreal_bench.synth.encode import encode_clip
from emoreal_bench.synth.picture.frames import iterate_frames
from emoreal_bench.synth.picture.pen import check_installed
from emoreal_bench.synth.questions import make_items
from emoreal_bench.synth.scenes import FRAME_RATE, Scene, make_scenes
from emoreal_bench.synth.settings import SynthSettings
from emoreal_bench.synth.voice.sound import synthesize_sound
from emoreal_bench.synth.voice.speech import available_engine

ANNOTATIONS = "emorealm_v1.json"
VIDEOS = "videos"
CARD = "DATA_CARD.md"
RECORD = "synth.json"
"""What was written; its presence says that everything is there."""
UNFINISHED = "synth.unfinished.json"
"""The same while the writing is under way."""

GENERATOR_VERSION = 3
"""To be raised whenever the same settings give other questions, frames or sounds."""

_MAX_WORKERS = 2
_WORTH_WORKERS = 12
"""Fewer clips are written sooner than worker processes start."""

Progress = Callable[[int, int], None]


def write_benchmark(settings: SynthSettings, out: Path, progress: Progress | None = None) -> Path:
    """Write a benchmark in the layout of EmoReAlM: questions, clips, a data card.

    An interrupted call is continued by the same call; a finished folder is left
    as it is. Two worker processes are spawned for more than a few clips, so a
    script that calls this at its top level needs ``if __name__ == "__main__"``.

    Args:
        settings: What is wanted.
        out: The folder; new, empty, or begun with the same settings.
        progress: Told the number of clips written so far and of all clips.

    Returns:
        ``out``.

    Raises:
        UsageError: If the folder holds something else.
        MissingExtraError: If Pillow, or eSpeak NG where demanded, is not installed.
        RunError: If the system refuses to write.
    """
    settings = settings.model_copy(update={"speech": available_engine(settings.speech)})
    scenes = make_scenes(settings)
    record = _record(settings, len(scenes))
    if _is_finished(out, record):
        with suppress(OSError):  # Killed at the very end, a call left its mark.
            (out / UNFINISHED).unlink()
        return out
    check_installed()
    _make_folder(out)
    write_atomically(out / UNFINISHED, [record])
    for folder in sorted({(out / VIDEOS / scene.clip).parent for scene in scenes}):
        _make_folder(folder)
    missing = [scene for scene in scenes if not (out / VIDEOS / scene.clip).exists()]
    with closing(_write_clips(missing, out / VIDEOS)) as clips:
        for done, _ in enumerate(clips, len(scenes) - len(missing) + 1):
            if progress is not None:
                progress(done, len(scenes))
    items = make_items(settings)
    write_atomically(out / ANNOTATIONS, [_json([emorealm_record(item) for item in items])])
    write_atomically(out / CARD, [data_card(settings, scenes, items).encode()])
    write_atomically(out / RECORD, [record])
    (out / UNFINISHED).unlink(missing_ok=True)
    return out


def emorealm_record(item: Item) -> dict[str, Any]:
    """Return an item as an object of EmoReAlM's JSON, version 1."""
    return {
        "id": item.id,
        "video": item.clip,
        "task": item.subtask,
        "question": item.question,
        "choices": list(item.choices),
        "answer": item.answer,
        **(item.metadata or {}),
    }


def _record(settings: SynthSettings, clips: int) -> bytes:
    return _json(
        {
            "generator_version": GENERATOR_VERSION,
            "settings": settings.model_dump(mode="json"),
            "clips": clips,
        }
    )


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _is_finished(out: Path, record: bytes) -> bool:
    """Return whether a folder is complete; refuse one that is another's or of other settings."""
    try:
        remove_dead_drafts(out)
        names = {path.name for path in out.iterdir()} if out.exists() else set()
        for name in (RECORD, UNFINISHED):
            if name not in names:
                continue
            check_plain_file(out / name)
            if (out / name).read_bytes() == record:
                return name == RECORD
            raise UsageError(
                "The folder holds a synthetic benchmark of other settings, or of another version.",
                where=str(out / name),
                remedy="Choose another folder, or remove this one first.",
            )
    except OSError as error:
        raise UsageError(
            f"The folder cannot be read: {error.strerror or error}.",
            where=str(error.filename or out),
            remedy="Choose another folder.",
        ) from error
    if names:
        raise UsageError(
            "The folder is not empty and was not written by this command.",
            where=str(out),
            remedy="Choose a new or an empty folder.",
        )
    return False


def _make_folder(folder: Path) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _write_clips(scenes: Sequence[Scene], videos: Path) -> Generator[None, None, None]:
    write = partial(_write_clip, videos)
    workers = min(_MAX_WORKERS, os.cpu_count() or 1)
    if workers == 1 or len(scenes) < _WORTH_WORKERS:
        yield from map(write, scenes)
        return
    spawn = get_context("spawn")
    with (
        importing_nothing_from_here(),
        ProcessPoolExecutor(workers, spawn, initializer=_prepare_worker) as pool,
    ):
        try:
            with _ctrl_c_held_back():
                written = pool.map(write, scenes)
            yield from written
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Let processes start that Ctrl-C does not reach: while they import they would print where."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare_worker() -> None:
    """Let the parent alone decide when a worker ends: on Ctrl-C, and when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _write_clip(videos: Path, scene: Scene) -> None:
    times = [number / FRAME_RATE for number in range(scene.frames)]
    clip = encode_clip(iterate_frames(scene, times), synthesize_sound(scene))
    write_atomically(videos / scene.clip, [clip])
