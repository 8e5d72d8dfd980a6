"""Writes the tables of pages such as ``performance.md`` from ``benchmarks/results``.

Run it after a benchmark was recorded: ``python -m docs.write_performance``. A test
compares the pages with the records.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.scale import EXAMPLES, needs
from recipes.tiny_omni.family import as_direct_table, as_table, read_rows
from recipes.tiny_omni.findings import as_conditions, as_contrasts, as_curves, as_methods
from recipes.tiny_omni.trying import as_bars

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
FOLDER = Path(__file__).parent
_TABLES = re.compile("(<!-- tables -->\n).*?(<!-- end of tables -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        what: In words.
        measured: As text.
        bar: What is asked; empty for none.
        met: Whether the bar is met; None for no bar.
    """

    what: str
    measured: str
    bar: str = ""
    met: bool | None = None


def at_most(what: str, value: float, bar: float, unit: str = "") -> Row:
    """Return the row of a figure that should be small."""
    return Row(what, f"{value:,.4g} {unit}".strip(), f"≤ {bar:g}", value <= bar)


def at_least(what: str, value: float, bar: float, unit: str = "") -> Row:
    """Return the row of a figure that should be large."""
    return Row(what, f"{value:,.4g} {unit}".strip(), f"≥ {bar:g}", value >= bar)


def _overhead(record: dict[str, Any]) -> Iterator[Row]:
    milliseconds = record["cpu_milliseconds_per_item_allowed"]
    size = record["bytes_per_further_item_allowed"]
    for key, what, allowed, unit in (
        ("cpu_milliseconds_per_item", "a free model: CPU per item, all in", milliseconds, "ms"),
        ("cpu_milliseconds_per_item_of_many", "the same, of many items", milliseconds, "ms"),
        ("bytes_per_further_item", "memory per further item", size, "bytes"),
        (
            "bytes_per_further_item_with_its_own_clip",
            "memory per further item, each with a clip of its own",
            size,
            "bytes",
        ),
    ):
        if key in record:
            yield at_most(what, record[key], allowed, unit)


def _many_copies(record: dict[str, Any]) -> Iterator[Row]:
    many = record["runs_of_the_driver"][-1]
    what = f"{many['items']:,} items over {record['copies']} copies: the driver's"
    cpu, memory = "cpu_milliseconds_per_further_item", "bytes_per_further_item"
    allowed = record["cpu_milliseconds_per_item_allowed"]
    yield at_most(f"{what} CPU per further item", record[cpu], allowed, "ms")
    allowed = record["bytes_per_further_item_allowed"]
    yield at_most(f"{what} memory per further item", record[memory], allowed, "bytes")


def _whole_run(record: dict[str, Any]) -> Iterator[Row]:
    for run in record["runs"]:
        decode, model = run["decode_seconds"], run["model_seconds"]
        waits = "a GPU" if run["model"] == "GPU" else "a service"
        what = f"{decode / model:.1f} s of decoding to a second of the model"
        about = (
            f"a whole run over decoding alone or the model alone, whichever is longer: {what}, "
            f"which waits as {waits} does"
        )
        yield at_most(about, run["ratio"], record["ratio_allowed"])


def _decode(record: dict[str, Any]) -> Iterator[Row]:
    for one in record["sizes"]:
        for times in one["milliseconds_per_clip"]:
            what = (
                f"a clip of {one['size']} decoded by {times['workers']} of our processes: "
                "the time over that of a bare PyAV loop"
            )
            row = at_most(what, times["ratio"], record["ratio_allowed"])
            measured = f"{row.measured} ({times['pool']:g} ms a clip)"
            yield Row(row.what, measured, row.bar, row.met)
    free, allowed = "pool_overhead_milliseconds", "pool_overhead_milliseconds_allowed"
    yield at_most("what the processes add to a clip", record[free], record[allowed], "ms")


def _scoring(record: dict[str, Any]) -> Iterator[Row]:
    what = f"scoring {record['items']:,} replies under every scoring, with intervals"
    yield at_most(what, record["seconds"], record["budget_seconds"], "s")
    yield Row("memory per reply while scoring", f"{record['peak_bytes_per_item']} bytes")


def _api(record: dict[str, Any]) -> Iterator[Row]:
    for one in record["measured"]:
        what = (
            f"{record['requests']:,} requests of {record['latency_seconds']:g} s, "
            f"{record['in_flight']} at once: our time over that of a bare loop of {one['sdk']}"
        )
        yield at_most(what, one["ratio"], record["ratio_allowed"])


def _leaderboard(record: dict[str, Any]) -> Iterator[Row]:
    what = f"a leaderboard of {record['runs']} runs"
    yield at_most(what, min(record["seconds"]), record["seconds_budget"], "s")
    yield Row("its page", f"{record['page_megabytes']} MB")


def _run_page(record: dict[str, Any]) -> Iterator[Row]:
    items = f"a run page of {record['items']:,} items"
    yield at_most(f"{items}: writing", record["seconds_to_write"], 40, "s")
    opened = sorted(record["seconds_to_open"])[len(record["seconds_to_open"]) // 2]
    yield at_most(f"{items}: opening", opened, record["seconds_to_open_budget"], "s")


def _synth(record: dict[str, Any]) -> Iterator[Row]:
    yield Row("drawing and encoding a synthetic clip", f"{record['written_clip_seconds']} CPU s")


def _training(record: dict[str, Any]) -> Iterator[Row]:
    yield from _training_ratios(record["ratios"])


def _training_ratios(ratios: dict[str, Any]) -> Iterator[Row]:
    for sides, ratio in ratios.items():
        if " / " in sides:
            words = sides.replace("_", " ").replace(" / ", " over ")
            yield Row(
                f"a step: {words}",
                f"{ratio['gigaflops_per_step']:.2f} of the operations, "
                f"{ratio['seconds_per_step']:.2f} of the time, "
                f"{ratio['peak_mebibytes']:.2f} of the memory",
            )


def _gpu(record: dict[str, Any]) -> Iterator[Row]:
    passed = sum(check["passed"] for check in record["checks"].values())
    count = len(record["checks"])
    yield Row("correctness checks on the GPU", f"{passed} of {count}", "all", passed == count)
    for model in record["models"]:
        for row in model["rows"]:
            per_clip = "one question" if (n := row["questions_per_clip"]) == 1 else f"{n} questions"
            what = (
                f"{model['model']}: {row['answer_method']}, {per_clip} a clip, "
                f"{row['new_tokens']} new tokens: times a plain loop"
            )
            speed = f"{row['adapter']['items_per_second']:.3g} items/s"
            share = f"{100 * row['adapter']['share_of_peak']:.0f} % of peak"
            ratio = at_least(what, row["ratio"], record["target_ratio"])
            yield Row(ratio.what, f"{ratio.measured} ({speed}, {share})", ratio.bar, ratio.met)
    yield from _training_ratios(record["training"])


def _peers(record: dict[str, Any]) -> Iterator[Row]:
    questions, clips = record["questions"], record["clips"]
    asked = f"{questions['items']:,} questions of a free model"
    yield from _peer_rows(asked, "question", questions["sides"])
    yield from _peer_rows(f"{clips['clips']} clips of {clips['clip']}", "clip", clips["sides"])


def _peer_rows(asked: str, one: str, sides: Iterable[dict[str, Any]]) -> Iterator[Row]:
    for side in sides:
        what = f"{asked}: {side['name']} ({side['settings']})"
        if "not_run" in side:
            yield Row(what, f"not run: {side['not_run']}")
            continue
        cpu = f"{side['cpu_seconds']:g} CPU s, {side['start_up_cpu_seconds']:g} of them to start"
        further = f"{side['cpu_milliseconds_per_further']:.3g} ms"
        times = side.get("times_ours")
        if times is None:
            yield Row(what, f"{cpu}; {further} for a further {one}")
            continue
        for key, of, figure in (
            ("cpu_seconds", "CPU", cpu),
            ("cpu_milliseconds_per_further", f"CPU of a further {one}", further),
        ):
            if key in times:
                row = at_least(f"{what}: {of}, times ours", times[key], 1)
                yield Row(row.what, f"{row.measured} ({figure})", row.bar, row.met)


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark.

    Attributes:
        title: Of its table.
        record: Its file, without the ending.
        command: That measures it.
        rows: Of its record.
    """

    title: str
    record: str
    command: str
    rows: Callable[[dict[str, Any]], Iterable[Row]]


SECTIONS = (
    Section("What a run costs beside the model", "overhead", "benchmarks.overhead", _overhead),
    Section("Other harnesses", "peers", "benchmarks.peers", _peers),
    Section("Many copies", "many_copies", "benchmarks.many_copies", _many_copies),
    Section("A whole run with clips", "whole_run", "benchmarks.whole_run", _whole_run),
    Section("Decoding", "decode", "benchmarks.decode", _decode),
    Section("Services", "api", "benchmarks.api", _api),
    Section("Scoring", "scoring", "benchmarks.scoring", _scoring),
    Section("Pages: the leaderboard", "leaderboard", "benchmarks.leaderboard", _leaderboard),
    Section("Pages: a run", "run_page", "benchmarks.run_page", _run_page),
    Section("Local models on a GPU", "gpu", "benchmarks.gpu", _gpu),
    Section("Training on a processor", "training_step", "benchmarks.training_step", _training),
    Section("Synthetic clips", "synth_speed", "benchmarks.synth_speed", _synth),
)


def section_text(section: Section, record: dict[str, Any]) -> str:
    """Return the table of one benchmark."""
    machine = record.get("machine") or f"{record['cores']} cores"
    where = ", ".join(filter(None, (record["date"], record.get("gpu"), machine)))
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    lines = [
        f"## {section.title}",
        "",
        f"`python -m {section.command}`, {where}; {versions}.",
        "",
        "| what | measured | bar | met |",
        "|---|---|---|---|",
    ]
    words = {None: "", True: "yes", False: "**no**"}
    lines += (
        f"| {row.what} | {row.measured} | {row.bar} | {words[row.met]} |"
        for row in section.rows(record)
    )
    return "\n".join(lines)


def performance_tables() -> str:
    """Return the tables of every benchmark that has a record."""
    parts = []
    for section in SECTIONS:
        path = RESULTS / f"{section.record}.json"
        if path.is_file():
            parts.append(section_text(section, json.loads(path.read_text(encoding="utf-8"))))
    return "\n\n".join(parts)


def scale_table() -> str:
    """Return the needs of the examples, side by side."""
    columns = [dict(needs(wish)) for wish in EXAMPLES.values()]
    lines = ["| | " + " | ".join(EXAMPLES) + " |", "|---|" + "---:|" * len(EXAMPLES)]
    lines += (
        f"| {name} | " + " | ".join(column[name] for column in columns) + " |"
        for name in columns[0]
    )
    return "\n".join(lines)


def text_prior_tables() -> str:
    """Return what the test of a text-prior term found."""
    record = _record("text_prior.json")
    return "\n\n".join(
        (
            f"**The primary outcome**, on {record['runs'][0]['traps']} traps of "
            f"{record['clips']} clips ({record['date']}).",
            as_contrasts(record),
            "**Clear clips**: means over runs and over picture and sound, in percent unless said "
            "otherwise; of the traps the least and the greatest run too.",
            as_methods(record),
            "**Faint clips.**",
            as_methods(record, "faint"),
        )
    )


def _table(name: str, write: Callable[[Any], str]) -> Callable[[], str]:
    return lambda: write(_record(name))


def _record(name: str) -> Any:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


PAGES: dict[str, tuple[Callable[[], str], ...]] = {
    "performance.md": (performance_tables,),
    "scale.md": (scale_table,),
    "tiny-family.md": (
        _table("tiny_family.json", lambda record: as_direct_table(read_rows(record))),
        _table("tiny_family.json", lambda record: as_table(read_rows(record))),
        _table("tiny_bars.json", as_bars),
        _table("tiny_curves.json", as_curves),
    ),
    "text-prior.md": (
        _table("text_prior_conditions.json", as_conditions),
        _table("text_prior_forms.json", as_conditions),
        text_prior_tables,
    ),
}
"""What writes the tables of a page, in the order of their places."""


def page_text(name: str) -> str:
    """Return a page with the tables that its records give."""
    page = (FOLDER / name).read_text(encoding="utf-8")
    writers = iter(PAGES[name])
    return _TABLES.sub(lambda found: f"{found[1]}{next(writers)()}\n{found[2]}", page)


if __name__ == "__main__":
    for name in PAGES:
        (FOLDER / name).write_text(page_text(name), encoding="utf-8")
