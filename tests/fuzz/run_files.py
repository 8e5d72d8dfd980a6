"""The files of a run, of its jobs, and what is kept beside runs."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from emoreal_bench.comparing.baseline import load_baseline, save_baseline
from emoreal_bench.comparing.gate import check_run
from emoreal_bench.comparing.runs import load_answers
from emoreal_bench.contracts.check import CheckRules
from emoreal_bench.contracts.deferred import WrittenRequest
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import ChoiceScores, Delivery, Result, Usage
from emoreal_bench.contracts.run_record import (
    ITEMS_FILE,
    MANIFEST_FILE,
    PLAN_FILE,
    RESULTS_FILE,
    TIMINGS_FILE,
)
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus, Modality, Scoring
from emoreal_bench.identity import hash_file
from emoreal_bench.judging.plan import make_judge_plan
from emoreal_bench.media_cache.entries import _checksum
from emoreal_bench.media_cache.store import MediaCache, MediaCacheSettings
from emoreal_bench.probing.published import Confidence
from emoreal_bench.record.folder import load_timings
from emoreal_bench.record.manifest import load_manifest, read_task
from emoreal_bench.reporting.exports.every_eval_ever import write_every_eval_ever
from emoreal_bench.reporting.exports.hub import HubSource, write_eval_results, write_model_card
from emoreal_bench.reporting.exports.items import item_rows
from emoreal_bench.reporting.leaderboard.groups import make_groups
from emoreal_bench.reporting.leaderboard.rows import measured_row
from emoreal_bench.reporting.leaderboard.submission import add_entry
from emoreal_bench.reporting.run_page.clips import find_clips
from emoreal_bench.reporting.run_page.items import reply_detail
from emoreal_bench.reporting.run_page.summary import summarize
from emoreal_bench.reporting.terminal.scores import report_lines, report_renderables
from emoreal_bench.running.cache import ResponseCache
from emoreal_bench.running.deferred.store import JobStore
from emoreal_bench.running.ledger import Ledger
from emoreal_bench.running.observer import RunObserver
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.readings import LoggedRun, read_items
from emoreal_bench.running.results import load_report, log_hash, score_folder
from emoreal_bench.running.runner import run_task
from emoreal_bench.running.verifying import verify_run
from emoreal_bench.training.objectives.reference_cache import ReferenceCache
from tests.fuzz.parser import Parser, each
from tests.sealed_files import edit_sealed, plan_was_always_so
from tests.unit.judging.judge_data import make_run as make_described_run
from tests.unit.running.fakes import FakeModel, answer_yes, plan_of

RUN = "run"


def _answer(request: Request, _: int) -> Result:
    number = int(request.id.rpartition("-")[2])
    status = (DeliveryStatus.OK, DeliveryStatus.LENGTH, DeliveryStatus.BLOCKED)[number % 3]
    return Result(
        request.id,
        status,
        "(A)",
        detail="a filter" if status is DeliveryStatus.BLOCKED else None,
        choice_scores=ChoiceScores(
            ChoiceScoreKind.LETTER_LOGIT, {"A": -0.1, "B": float("-inf")}, 0.9
        )
        if number == 0
        else None,
        delivery=Delivery(8, 1.5, {Modality.VIDEO: 64}, "0" * 64, ("a note",), 0.5),
        usage=Usage(100, 3, measured=True, cost=0.002),
    )


def _make_run(folder: Path, reply: Callable[[Request, int], Result] = _answer) -> Path:
    run_task(plan_of(folder, items=4), FakeModel(reply), folder / RUN)
    return folder / RUN


def _make_file(name: str, folder: Path) -> Path:
    run = _make_run(folder)
    if name in (PLAN_FILE, ITEMS_FILE):
        # Scores beside them would be found to be of another plan or log.
        (run / RESULTS_FILE).unlink()
    return run / name


def _publish(run: Path) -> None:
    if (run / RESULTS_FILE).exists():
        with TemporaryDirectory() as out:
            write_every_eval_ever(run, Path(out))
            report = load_report(run)
            if report.is_complete:
                write_eval_results(report, Path(out), HubSource("a/b"))


def read_run(file: Path) -> None:
    """Read a run in all ways in which its files are used."""
    run = file.parent

    def show() -> None:
        if not (run / RESULTS_FILE).exists():
            return
        report = load_report(run)
        report_lines(report)
        report_renderables(report)
        summarize(report)
        make_groups([report], [], Confidence.LOW)
        for scoring in Scoring:
            if scoring in report.results.scores:
                measured_row(report, scoring)

    def look() -> None:
        with LoggedRun(run) as logged:
            list(item_rows(logged))
            for item, read in zip(logged.items, read_items(logged), strict=True):
                logged.prompt(item)
                reply_detail(read)

    def find() -> None:
        manifest = load_manifest(run)
        find_clips(read_task(manifest, run), manifest, None)

    def go_on() -> None:
        items = load_answers(run).items
        Ledger(items, run / ITEMS_FILE, RunPolicy(), RunObserver())

    of_all = (
        lambda: load_manifest(run),
        lambda: verify_run(run),
        find,
        show,
        lambda: _publish(run),
    )
    of_answers = (
        # By one rule book: the readings of the others are those of the reply of a model.
        lambda: score_folder(run, (Scoring.STRICT,)),
        lambda: log_hash(run),
        look,
        go_on,
    )
    if file.name in (RESULTS_FILE, TIMINGS_FILE):
        each(*of_all, lambda: load_timings(run))
    else:
        each(*of_all, *of_answers)


def _plan_was_so(file: Path) -> None:
    digest = hash_file(file)
    edit_sealed(
        file.parent / MANIFEST_FILE,
        lambda record: record.update(plan_hash=digest, blank_plan_hash=digest),
    )


def _make_described(folder: Path) -> Path:
    return make_described_run(folder) / ITEMS_FILE


def _make_jobs(folder: Path) -> JobStore:
    _make_run(folder)
    store = JobStore(folder / RUN)
    draft = store.draft()
    for position in range(2):
        sent = Delivery(8, 1.0, {Modality.AUDIO: 3}, "0" * 64, ("a note",))
        draft.add(position, WrittenRequest(b"{}", sent), (2.5, 0.1))
    store.name(store.add(draft), "batch-1")
    return store


def _make_asked(folder: Path) -> Path:
    _make_jobs(folder)
    return next((folder / RUN / "jobs").glob("*.asked.jsonl"))


def _make_job_list(folder: Path) -> Path:
    _make_jobs(folder)
    return folder / RUN / "jobs" / "jobs.json"


def _read_jobs(file: Path) -> None:
    store = JobStore(file.parent.parent)
    for job in store.jobs:
        store.clips(job, items=2)
        for position, sent in store.asked(job, items=2).items():
            assert position in (0, 1)
            assert sent.has_media in (True, False)


def _make_cache(folder: Path) -> Path:
    path = folder / "cache.sqlite"
    with ResponseCache(path) as cache:
        cache.put("k", _answer(Request("item-0", (), None, ()), 1))  # type: ignore[arg-type]
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    return path


def _read_cache(file: Path) -> None:
    for leftover in ("-wal", "-shm"):
        file.with_name(file.name + leftover).unlink(missing_ok=True)
    with ResponseCache(file) as cache:
        found = cache.get("k", "item-9")
        cache.put("other", Result("item-1", DeliveryStatus.OK, "(A)"))
    assert found is None or found.id == "item-9"


def _make_cache_row(folder: Path) -> Path:
    path = _make_cache(folder)
    with closing(sqlite3.connect(path)) as database:
        (reply,) = database.execute("SELECT reply FROM replies").fetchone()
    row = folder / "row.jsonl"
    row.write_text(reply + "\n", encoding="ascii")
    return row


def _put_row(file: Path) -> None:
    reply = file.read_bytes().rstrip(b"\n").decode("utf-8", "replace")
    reply = reply.encode("utf-8", "replace").decode()
    with closing(sqlite3.connect(file.with_name("cache.sqlite"))) as database, database:
        database.execute("UPDATE replies SET reply = ? WHERE key = 'k'", (reply,))


def _read_row(file: Path) -> None:
    _read_cache(file.with_name("cache.sqlite"))


def _make_references(folder: Path) -> Path:
    cache = ReferenceCache(folder / "references.jsonl")
    cache.put({"a": -1.0, "b": -2.5})
    return folder / "references.jsonl"


def _read_references(file: Path) -> None:
    cache = ReferenceCache(file)
    for key in "ab":
        found = cache.get(key)
        assert found is None or found == found + 0.0


def _make_baseline(folder: Path) -> Path:
    save_baseline(_make_run(folder, answer_yes), folder / "baseline.json")
    return folder / "baseline.json"


def _read_baseline(file: Path) -> None:
    check_run(file.parent / RUN, load_baseline(file), CheckRules(least_coverage=0.1))


def _make_model_card(folder: Path) -> Path:
    write_model_card(load_report(_make_run(folder, answer_yes)), folder / "README.md")
    return folder / "README.md"


def _read_model_card(file: Path) -> None:
    write_model_card(load_report(file.parent / RUN), file)


def _read_entry(file: Path) -> None:
    entries = file.parent.parent / "entries"
    try:
        add_entry(file.parent, entries)
    finally:
        shutil.rmtree(entries, ignore_errors=True)


def _make_cached_clip(folder: Path) -> Path:
    frames = np.arange(2 * 4 * 6 * 3, dtype=np.uint8).reshape(2, 4, 6, 3)
    sound = np.linspace(-1, 1, 8, dtype=np.float32)
    media = ClipMedia("k", folder, frames, (0.0, 0.5), sound, 16_000, 1.0, ("a note",), 0.25)
    cache = MediaCache(MediaCacheSettings(folder / "clips"), print)
    cache.put("k", media, 900.0)
    return cache.path("k")


def _checksum_was_so(file: Path) -> None:
    content = file.read_bytes()
    with suppress(SafetensorError, ValueError, KeyError, TypeError, AttributeError):
        arrays = load(content)
        head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        text = head["__metadata__"]["clip"]
        told = {"clip": text, "checksum": _checksum(text, arrays)}
        file.write_bytes(save(arrays, metadata=told))


def _read_cached_clip(file: Path) -> None:
    notices: list[str] = []
    cache = MediaCache(MediaCacheSettings(file.parent.parent), notices.append)
    media = cache.get("k", Clip("clip", file), 900.0)
    if media is None:
        assert not notices or str(file) in notices[0]
        return
    assert media.frames is None or len(media.frames) == len(media.timestamps)
    assert media.waveform is None or media.waveform.ndim == 1


_RECORD = "emoreal_bench.record"
_JOB_FILES = "emoreal_bench.running.deferred.store:JobStore"

PARSERS = (
    Parser(
        "clip in a media cache",
        "safetensors",
        _make_cached_clip,
        _read_cached_clip,
        (
            "emoreal_bench.media_cache.entries:unpack_entry",
            "emoreal_bench.media_cache.store:MediaCache.get",
        ),
        settle=_checksum_was_so,
    ),
    Parser(
        "manifest of a run",
        "sealed",
        lambda folder: _make_file(MANIFEST_FILE, folder),
        read_run,
        (
            f"{_RECORD}.sealed:read_record",
            f"{_RECORD}.manifest:load_written_manifest",
            f"{_RECORD}.manifest:read_task",
            f"{_RECORD}.departures:task_media",
            f"{_RECORD}.departures:check_definition",
            "emoreal_bench.reporting.exports.every_eval_ever:_seconds",
        ),
        is_slow=True,
    ),
    Parser(
        "plan of a run",
        "lines",
        lambda folder: _make_file(PLAN_FILE, folder),
        read_run,
        (f"{_RECORD}.folder:load_plan_items",),
        settle=_plan_was_so,
        is_slow=True,
    ),
    Parser(
        "log of a run",
        "log",
        lambda folder: _make_file(ITEMS_FILE, folder),
        read_run,
        (
            f"{_RECORD}.log:unseal",
            f"{_RECORD}.log:unseal_object",
            f"{_RECORD}.log:repair_log",
            f"{_RECORD}.log:LogReader.__iter__",
            f"{_RECORD}.records:from_record",
            "emoreal_bench.running.readings:LoggedRun.__init__",
            "emoreal_bench.running.readings:LoggedRun._find_records",
            "emoreal_bench.running.readings:LoggedRun.record",
            "emoreal_bench.running.ledger:Ledger._restore",
            "emoreal_bench.running.results:read_replies",
            "emoreal_bench.reporting.run_page.items:reply_detail",
        ),
        is_slow=True,
    ),
    Parser(
        "log of descriptions, judged",
        "log",
        _make_described,
        lambda file: make_judge_plan(file.parent),
        (f"{_RECORD}.log:unseal",),
    ),
    Parser(
        "results of a run",
        "sealed",
        lambda folder: _make_file(RESULTS_FILE, folder),
        read_run,
        (f"{_RECORD}.finished:_read_results",),
        is_slow=True,
    ),
    Parser(
        "timings of a run",
        "json",
        lambda folder: _make_file(TIMINGS_FILE, folder),
        read_run,
        (f"{_RECORD}.folder:load_timings",),
        is_slow=True,
    ),
    Parser(
        "submitted manifest",
        "sealed",
        lambda f: _make_file(MANIFEST_FILE, f),
        _read_entry,
        (),
        is_slow=True,
    ),
    Parser(
        "submitted results",
        "sealed",
        lambda f: _make_file(RESULTS_FILE, f),
        _read_entry,
        (),
        is_slow=True,
    ),
    Parser(
        "submitted plan",
        "lines",
        lambda folder: _make_run(folder) / PLAN_FILE,
        _read_entry,
        (),
        settle=lambda file: plan_was_always_so(file.parent),
        is_slow=True,
    ),
    Parser(
        "submitted log",
        "log",
        lambda folder: _make_run(folder) / ITEMS_FILE,
        _read_entry,
        (),
        is_slow=True,
    ),
    Parser("jobs of a run", "json", _make_job_list, _read_jobs, (f"{_JOB_FILES}._load",)),
    Parser(
        "what a job asks",
        "lines",
        _make_asked,
        _read_jobs,
        (f"{_JOB_FILES}.asked", f"{_JOB_FILES}._read_asked", f"{_RECORD}.records:read_delivery"),
    ),
    Parser(
        "cache of replies",
        "bytes",
        _make_cache,
        _read_cache,
        ("emoreal_bench.running.cache:ResponseCache.__init__",),
        is_slow=True,
    ),
    Parser(
        "row of the cache",
        "log",
        _make_cache_row,
        _read_row,
        ("emoreal_bench.running.cache:ResponseCache.get",),
        settle=_put_row,
    ),
    Parser(
        "reference log-probabilities",
        "log",
        _make_references,
        _read_references,
        ("emoreal_bench.training.objectives.reference_cache:ReferenceCache._read",),
    ),
    Parser(
        "card of a model on the hub",
        "bytes",
        _make_model_card,
        _read_model_card,
        ("emoreal_bench.reporting.exports.hub:write_model_card",),
        is_slow=True,
    ),
    Parser(
        "baseline",
        "json",
        _make_baseline,
        _read_baseline,
        (
            "emoreal_bench.comparing.baseline:load_baseline",
            "emoreal_bench.comparing.baseline:unpack_bits",
        ),
    ),
)
