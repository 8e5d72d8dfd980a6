"""Where the clips of a run are, and pictures of what the model was given of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import Alteration
from emoreal_bench.identity import media_key
from emoreal_bench.media.errors import MediaError
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.pool import DecodePool
from emoreal_bench.media.stills import contact_sheet, envelope
from emoreal_bench.readers import load_items
from emoreal_bench.reporting.site.pages import write_file
from emoreal_bench.reporting.site.serving import SERVED_FOLDER

STILLS_FOLDER = "stills"


def find_clips(task: Task, manifest: Manifest, data: Path | None) -> Mapping[str, Clip]:
    """Find the clips of a run in its data folder.

    Args:
        task: Of the run.
        manifest: Of the run; says where the data were.
        data: Where they are now; None to look where they were, and to do
            without clips if they are there no more.

    Raises:
        DataError: If the folder was named and is not the data of the task.
    """
    try:
        root = data or Path(manifest.data.root)
        return load_items(task, root, manifest.data.options).clips
    except (DataError, UsageError, OSError):
        # Whoever made the run may have named anything, or have had a reader that is not here.
        if data is not None:
            raise
        return {}


class ServedFiles:
    """Files outside a site that its server shows, each under an address of its own."""

    def __init__(self) -> None:
        self.by_name: dict[str, Path] = {}

    def address(self, file: Path) -> str:
        """Take a file in, and return its address."""
        name = f"{len(self.by_name)}{quote(file.suffix)}"
        self.by_name[name] = file.resolve()
        return f"/{SERVED_FOLDER}/{name}"


def clip_data(clip: Clip, page_folder: Path, served: ServedFiles | None = None) -> dict[str, Any]:
    """Return the addresses of a clip's files from the page's folder; null for one not there.

    Args:
        clip: The files.
        page_folder: Where the page lies.
        served: Takes the files of a page that is not opened from disk.
    """

    def address(file: Path | None) -> str | None:
        if file is None or not file.is_file():
            return None
        return _relative_address(file, page_folder) if served is None else served.address(file)

    return {"video": address(clip.video), "audio": address(clip.audio)}


def _relative_address(file: Path, page_folder: Path) -> str:
    # Every character that means something in an address is escaped, the colon of
    # a scheme included, so that a name can only ever be a name.
    path = Path(os.path.relpath(file.resolve(), page_folder.resolve()))
    return quote(path.as_posix())


async def draw_stills(
    manifest: Manifest, clips: Sequence[tuple[str, Clip]], page_folder: Path
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Draw the frames and the sound that a run wanted of some clips.

    Of swapped clips nothing is drawn, since the model was given those of another.

    Args:
        manifest: Says what was wanted.
        clips: Keys and files.
        page_folder: Where the pictures are written, in a folder of their own.

    Yields:
        Key, and what the page shows: address of the picture, number of frames
        and their times, loudness, or why there are none.
    """
    wanted = manifest.request.media
    if wanted.alteration is Alteration.SWAP or not wanted.modalities:
        return
    async with DecodePool(1, DecodeLimits()) as pool:
        for number, (key, clip) in enumerate(clips):
            try:
                media = await pool.decode(clip, wanted, media_key(key, wanted))
            except MediaError as error:
                yield key, {"problem": str(error.problem)}
            else:
                yield key, _still(media, f"{STILLS_FOLDER}/{number:06d}.jpg", page_folder)


def _still(media: ClipMedia, name: str, page_folder: Path) -> dict[str, Any]:
    if media.frames is not None:
        write_file(page_folder / name, contact_sheet(media.frames))
    sound = None if media.waveform is None else envelope(media.waveform)
    return {
        "stills": None if media.frames is None else name,
        "times": [round(time, 2) for time in media.timestamps],
        "envelope": sound and sound.heights,
        "peak": sound and sound.peak,
        "duration": round(media.duration, 2),
        "notes": list(media.notes),
    }
