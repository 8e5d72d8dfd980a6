"""Writes the page of a run: its scores, and every item with prompt, reply and clip.

The page opens from disk. Since such a page may not fetch other files, its items
are scripts that it loads when they are wanted: one index of all items, and
chunks with what is said of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

from emoreal_bench.comparing.runs import have_same_items
from emoreal_bench.contracts.errors import NotComparableError, RunError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.run_record import RESULTS_FILE, Manifest
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.printable import plain_text
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.reporting.run_page.clips import (
    ServedFiles,
    clip_data,
    draw_stills,
    find_clips,
)
from emoreal_bench.reporting.run_page.items import (
    CHUNK_ITEMS,
    TEXT_CHUNK_ITEMS,
    Index,
    Texts,
    item_detail,
    reply_detail,
)
from emoreal_bench.reporting.run_page.summary import summarize
from emoreal_bench.reporting.site.earlier import forget_earlier, refuse_foreign
from emoreal_bench.reporting.site.garbage import garbage_left_alone
from emoreal_bench.reporting.site.pages import (
    PAGE_FILE,
    load_asset,
    render_page,
    script_data,
    write_file,
)
from emoreal_bench.running.loops import run_to_end
from emoreal_bench.running.readings import LoggedRun, ReadItem, read_items
from emoreal_bench.running.results import load_report, score_folder

RECEIVER = "emorealRun.receive"
ITEMS_FOLDER = "items"
CLIPS_FOLDER = "clips"
TEXTS_FOLDER = "texts"


@dataclass(frozen=True, slots=True)
class RunPageOptions:
    """What a reader may choose about the page of a run.

    Attributes:
        other: Another run of the same items, to show where the two part.
        data: The data folder, where it is no longer at the place the run knows.
        clips: Whether to lead to clips at all; a page to be published has none.
        stills: Of how many clips to draw frames and sound; those with a wrong
            answer come first.
        served: Takes the clips of a page that a server shows; None for one on disk,
            which leads to them where they lie.
    """

    other: Path | None = None
    data: Path | None = None
    clips: bool = True
    stills: int = 100
    served: ServedFiles | None = None


def write_run_page(folder: Path, out: Path, options: RunPageOptions | None = None) -> Path:
    """Write the page of a run to ``out/index.html``, its items beside it.

    Args:
        folder: A run folder, finished or not.
        out: Folder of the page; made if it is not there.
        options: Everything else.

    Returns:
        The path of the page.

    Raises:
        RunError: If a folder holds no run, or the page cannot be written, for example
            because the folder holds something else.
        NotComparableError: If the other run is of other items.
        DataError: If a data folder is named that is not that of the run.
    """
    options = options or RunPageOptions()
    refuse_foreign(out)
    report = _load(folder)
    beside = None if options.other is None else _load(options.other)
    with ExitStack() as stack:
        stack.enter_context(garbage_left_alone())
        run = stack.enter_context(LoggedRun(folder))
        other = None
        if options.other is not None:
            other = stack.enter_context(LoggedRun(options.other))
            _refuse_other_items(run, other)
        # It may have had more items.
        forget_earlier(out)
        index, wrong_clips = _write_items(run, other, out)
        clips = find_clips(run.task, run.manifest, options.data) if options.clips else {}
        _write_clips(run, clips, wrong_clips[: max(0, options.stills)], out, options.served)
    page = out / PAGE_FILE
    other_name = None if other is None else plain_text(other.manifest.model.name)
    write_file(
        out / ITEMS_FOLDER / "index.js",
        _index_script(index, run.manifest, other_name, has_clips=bool(clips)),
    )
    write_file(page, _render(report, beside, index.flips, _why_no_clips(options, clips)))
    return page


def _load(folder: Path) -> FinishedRun:
    if (folder / RESULTS_FILE).is_file():
        return load_report(folder)
    # A run that was stopped is looked into as far as it went.
    results = score_folder(folder, (Scoring.STRICT, Scoring.OFFICIAL))
    return FinishedRun(load_manifest(folder), results)


def _refuse_other_items(run: LoggedRun, other: LoggedRun) -> None:
    here, there = run.manifest, other.manifest
    if here.task != there.task or not have_same_items(here, there):
        raise NotComparableError(
            "The two runs do not have the same items.",
            where=there.run_id,
            remedy="Name two runs of one task on the same data; they may differ in how they asked.",
        )
    if [item.id for item in run.items] != [item.id for item in other.items]:
        raise RunError("The plan does not belong to its manifest.", where=there.run_id)


def _write_items(run: LoggedRun, other: LoggedRun | None, out: Path) -> tuple[Index, Sequence[str]]:
    """Write the chunks; give the index, and all clips, those with a wrong answer first."""
    judged = run.manifest.judged
    index = Index(None if judged is None else judged.matter)
    wrong: dict[str, None] = {}
    details = _Chunks("items", out / ITEMS_FOLDER)
    texts = Texts()
    text_chunks = _Chunks("texts", out / TEXTS_FOLDER)
    others: Iterator[ReadItem | None] = repeat(None) if other is None else read_items(other)
    for item, read, read_other in zip(run.items, read_items(run), others, strict=False):
        index.add(item, read, read_other)
        texts.add(item, read, read_other)
        if read.verdict(Scoring.STRICT) == "wrong":
            wrong[item.clip] = None
        detail = item_detail(run, item, read)
        if read_other is not None:
            detail["other"] = reply_detail(read_other)
        details.add(detail)
        if len(texts) == TEXT_CHUNK_ITEMS:
            text_chunks.write(texts.as_data())
            texts = Texts()
    details.finish()
    if len(texts):
        text_chunks.write(texts.as_data())
    all_clips = dict.fromkeys(item.clip for item in run.items)
    return index, list({**wrong, **all_clips})


class _Chunks:
    """Numbered scripts of one folder, which the page loads one by one.

    Args:
        name: What the page calls them.
        folder: Where they are written.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder
        self._written = 0
        self._parts: list[Any] = []

    def add(self, part: Any) -> None:
        """Add a part, and write the chunk once it is full."""
        self._parts.append(part)
        if len(self._parts) == CHUNK_ITEMS:
            self.finish()

    def finish(self) -> None:
        """Write what is left."""
        if self._parts:
            self.write(self._parts)
            self._parts = []

    def write(self, content: Any) -> None:
        """Write a chunk of its own."""
        script = script_data(RECEIVER, f"{self._name} {self._written}", content)
        write_file(self._folder / f"{self._written:06d}.js", script)
        self._written += 1


def _write_clips(
    run: LoggedRun,
    clips: Mapping[str, Clip],
    drawn_first: Sequence[str],
    out: Path,
    served: ServedFiles | None,
) -> None:
    """Write what the page shows of each clip, in the order in which items first name them."""
    if not clips:
        return
    keys = list(dict.fromkeys(item.clip for item in run.items))
    data = {key: clip_data(clips[key], out, served) for key in keys if key in clips}
    chosen = [(key, clips[key]) for key in drawn_first if key in data]

    async def draw() -> None:
        async for key, still in draw_stills(run.manifest, chosen, out):
            data[key] |= still

    run_to_end(draw())
    chunks = _Chunks("clips", out / CLIPS_FOLDER)
    for key in keys:
        chunks.add(data.get(key))
    chunks.finish()


def _index_script(
    index: Index, manifest: Manifest, other_name: str | None, *, has_clips: bool
) -> bytes:
    request = manifest.request
    about = {
        "system": request.system,
        "order": [part for part in request.order if part in {"text", *request.media.modalities}],
        "shots": request.shots,
        "examples": {
            subtask: [{"question": one.question, "answer": one.answer} for one in shown]
            for subtask, shown in manifest.worked_examples.items()
        },
        "model": plain_text(manifest.model.name),
        "other": other_name,
        "has_clips": has_clips,
        "imported": manifest.imported is not None,
        "judged": manifest.judged is not None,
    }
    return script_data(RECEIVER, "index", {**index.as_data(), **about})


def _why_no_clips(options: RunPageOptions, clips: Mapping[str, Clip]) -> str:
    if clips:
        return ""
    if not options.clips:
        return "This page leads to no clips: they were left out."
    return "This page leads to no clips: the data folder was not found. Name it with --data."


def _render(
    report: FinishedRun, beside: FinishedRun | None, flips: Mapping[str, int], no_clips: str
) -> bytes:
    return render_page(
        "run.html.j2",
        summary=summarize(report, beside),
        flips=flips,
        no_clips=no_clips,
        style=load_asset("pages.css", "run.css"),
        script=load_asset("run.js"),
    )
