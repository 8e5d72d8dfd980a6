"""CMM (the curse of multi-modalities): are things seen or heard that are not there?

``all_data_final_reorg.json`` is a list of objects with ``sub_category``,
``modality``, ``granularity``, ``video_path``, ``audio_path``, ``question`` and
``answer``; the paths are relative to the data folder. Two sub-categories have
no sound and one has no picture (``"None"`` or null): that is how they are
meant. A question ends with "Answer with yes or no.", which is taken off here
and put back by the prompt that asks as the owners do.
"""

from __future__ import annotations

from pathlib import Path

from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.file_names import path_on_disk
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.clip_files import (
    AnnotatedClipOptions,
    check_relative,
    find_annotations,
    folder_of,
    home_of,
    no_clips,
    read_options,
)
from emoreal_bench.readers.records import (
    CHOICES,
    MalformedItem,
    Record,
    gold_letter,
    question_text,
    read_items,
)

ANNOTATIONS = "all_data_final_reorg.json"
INSTRUCTION = "Answer with yes or no."
_NO_FILE = "None"


class _Question(Record):
    sub_category: str
    modality: str
    granularity: str
    video_path: str | None
    audio_path: str | None = None
    question: str
    answer: str


def read(task: Task, root: Path, options: Options) -> Dataset:
    """Read the questions of all sub-categories."""
    chosen = read_options(AnnotatedClipOptions, options, "cmm")
    path = find_annotations(root, chosen.annotations, ANNOTATIONS)
    home = home_of(root)
    videos = folder_of(home, chosen.videos, "videos") or path.parent
    audios = folder_of(home, chosen.audios, "audios") or videos
    clips: dict[str, Clip] = {}

    def make_items(number: int, question: _Question) -> list[Item]:
        clip = _clip(question, videos, audios)
        clips.setdefault(clip.key, clip)
        return [_item(task, str(number), question, clip.key)]

    items = read_items(path, _Question, make_items)
    if not any(clip.video.is_file() for clip in clips.values()):
        raise no_clips(videos, {key: clip.video for key, clip in clips.items()})
    return Dataset(items, clips, (path,))


def read_annotations(task: Task, path: Path) -> list[Item]:
    """Read the questions from the file alone, without looking for clips."""

    def make_items(number: int, question: _Question) -> list[Item]:
        return [_item(task, str(number), question, _clip(question, Path(), Path()).key)]

    return read_items(path, _Question, make_items)


def _clip(question: _Question, videos: Path, audios: Path) -> Clip:
    video = _path(question.video_path, "video_path")
    audio = _path(question.audio_path, "audio_path")
    if video is not None and audio is not None:
        # The same picture may stand beside another sound, or none, in another question.
        key = f"{video} + {audio}"
        return Clip(key, path_on_disk(videos / video), path_on_disk(audios / audio))
    if video is not None:
        return Clip(video, path_on_disk(videos / video))
    if audio is not None:
        return Clip(audio, path_on_disk(audios / audio))
    raise MalformedItem("it has neither a video_path nor an audio_path")


def _path(path: str | None, key: str) -> str | None:
    if path is None or path == _NO_FILE:
        return None
    check_relative(path, key)
    return path.removeprefix("./")


def _item(task: Task, number: str, question: _Question, clip: str) -> Item:
    if question.sub_category not in task.subtasks:
        known = ", ".join(task.subtasks)
        raise MalformedItem(
            f"its sub_category is {question.sub_category!r}; it must be one of {known}"
        )
    return Item(
        id=number,
        subtask=question.sub_category,
        question=question_text(question.question.strip().removesuffix(INSTRUCTION)),
        choices=CHOICES,
        answer=gold_letter(question.answer),
        clip=clip,
        metadata={"asks_about": question.modality, "granularity": question.granularity},
    )
