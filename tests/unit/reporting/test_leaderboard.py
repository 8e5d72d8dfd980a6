"""The leaderboard's page, read as a file."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import RunError, UsageError
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.probing.published import Confidence, load_published_rows
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.leaderboard.build import build_leaderboard
from emoreal_bench.reporting.leaderboard.columns import choose_columns
from emoreal_bench.reporting.leaderboard.groups import Group, make_groups
from emoreal_bench.reporting.leaderboard.rows import Row
from emoreal_bench.reporting.leaderboard.tables import Table
from tests.run_factory import MadeUpRun, write_runs

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[31m&lt;\u202e"


def _groups(*runs: MadeUpRun, least: Confidence = Confidence.HIGH) -> list[Group]:
    reports = [FinishedRun(run.manifest(), run.results(), run.timings()) for run in runs]
    return make_groups(reports, load_published_rows(), least)


def _table(*runs: MadeUpRun, scoring: Scoring = Scoring.STRICT) -> Table:
    (group,) = _groups(*runs)
    return next(table for table in group.tables if table.scoring is scoring)


def _row(table: Table, model: str) -> Row:
    return next(row for row in table.rows if row.model == model)


def _page(folder: Path, *runs: MadeUpRun) -> str:
    page = build_leaderboard(write_runs(folder / "runs", *runs), folder / "site")
    return page.read_text(encoding="utf-8")


def _files(site: Path) -> dict[str, bytes]:
    paths = (path for path in site.rglob("*") if path.is_file())
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in paths}


class _Elements(HTMLParser):
    """Collects the elements of a page, and the text outside style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside not in {"style", "script"}:
            self.text += data


# Which runs stand together


@pytest.mark.parametrize(
    "other",
    [
        {"task": "another"},
        {"variant": "paper"},
        {"request_hash": "d" * 64},
        {"scoring_hash": "d" * 64},
    ],
)
def test_runs_that_differ_in_what_was_asked_or_how_it_was_scored_are_not_joined(
    other: dict[str, str],
) -> None:
    first = MadeUpRun("hf/one")
    second = replace(MadeUpRun("hf/two"), **other)  # type: ignore[arg-type]
    assert [group.runs for group in _groups(first, second)] == [1, 1]
    assert [group.runs for group in _groups(first, MadeUpRun("hf/two"))] == [2]


def test_strict_is_the_headline_and_the_official_gap_stands_in_it() -> None:
    (group,) = _groups(MadeUpRun(gap=0.04, scorings=(Scoring.OFFICIAL, Scoring.STRICT)))
    assert [table.scoring for table in group.tables] == [Scoring.STRICT, Scoring.OFFICIAL]
    keys = [column.key for column in group.tables[0].columns]
    assert group.tables[0].bodies[0].rows[0].cells[keys.index("gap")].text == "+4.0"
    assert "gap" not in {column.key for column in group.tables[1].columns}


def test_the_rates_of_invented_cues_stand_beside_the_average() -> None:
    (group,) = _groups(MadeUpRun())
    for table in group.tables:
        keys = [column.key for column in table.columns]
        assert keys[:2] == ["hallucination_rate", "spurious_rate"]


# Ranks and coverage


def test_models_that_cannot_be_told_apart_share_their_ranks() -> None:
    table = _table(
        MadeUpRun("hf/best", 0.8),
        MadeUpRun("hf/close", 0.601),
        MadeUpRun("hf/closer", 0.60),
    )
    assert [row.rank for row in table.rows] == [(1, 1), (2, 3), (2, 3)]


@pytest.mark.parametrize("half_width", [None, 0.0])
def test_perfect_and_hopeless_runs_hold_ranks(half_width: float | None) -> None:
    table = _table(
        MadeUpRun("hf/perfect", 1.0, half_width=half_width),
        MadeUpRun("hf/good", 0.95),
        MadeUpRun("hf/hopeless", 0.0, half_width=half_width),
    )
    assert [row.rank for row in table.rows] == [(1, 1), (2, 2), (3, 3)]


def test_identical_runs_of_one_model_are_one_row_and_widen_no_rank() -> None:
    table = _table(
        MadeUpRun("hf/twice", 0.8),
        MadeUpRun("hf/twice", 0.8, created="2026-11-21T10:00:00Z"),
        MadeUpRun("hf/other", 0.5),
        MadeUpRun("hf/same-score", 0.5),
    )
    assert [(row.model, row.rank) for row in table.rows] == [
        ("hf/twice", (1, 1)),
        ("hf/other", (2, 3)),
        ("hf/same-score", (2, 3)),
    ]
    assert "2 runs with the same answers" in table.rows[0].facts


def test_a_run_below_full_coverage_comes_last_unranked_and_takes_no_rank_away() -> None:
    table = _table(MadeUpRun("hf/partial", 0.9, failed=1), MadeUpRun("hf/full", 0.5))
    assert [row.model for row in table.rows] == ["hf/full", "hf/partial"]
    assert _row(table, "hf/full").rank == (1, 1)
    partial = _row(table, "hf/partial")
    assert partial.rank is None
    assert partial.caveat == "at 99.9 % coverage"
    assert table.bodies[1].title == "Below full coverage: not ranked"


def test_a_score_that_leaves_out_items_is_not_ranked_even_if_all_came_back() -> None:
    run = MadeUpRun("hf/refuses")
    results = run.results()
    official = results.scores["official"]
    first, scores = next(iter(official.subtasks.items()))
    shrunk = official.model_copy(update={first: scores.model_copy(update={"n": scores.n - 10})})
    report = FinishedRun(
        run.manifest(),
        results.model_copy(update={"scores": results.scores | {"official": shrunk}}),
    )
    (group,) = make_groups([report], [], Confidence.HIGH)
    strict, by_authors = group.tables
    assert strict.rows[0].rank == (1, 1)
    assert by_authors.rows[0].rank is None
    assert by_authors.rows[0].caveat == "on 3,990 of 4,000 items"


def test_blind_baselines_draw_the_band_and_hold_no_rank() -> None:
    table = _table(
        MadeUpRun("baseline/random", 0.4),
        MadeUpRun("baseline/first-choice", 0.45),
        MadeUpRun("hf/model", 0.3),
    )
    assert table.blind_band == (0.4, 0.45)
    assert _row(table, "hf/model").rank == (1, 1)
    assert _row(table, "baseline/random").rank is None
    assert table.chance == pytest.approx((2 * 0.25 + 3 * 0.5) / 5)


def test_without_a_blind_baseline_there_is_no_band() -> None:
    assert _table(MadeUpRun("hf/model")).blind_band is None


# Numbers


def test_a_row_shows_what_reached_the_model_and_what_became_of_the_items() -> None:
    table = _table(MadeUpRun(frames=8.0, audio_seconds=4.2, unparsable=120, failed=40))
    columns = [column.key for column in table.columns]
    cells = table.bodies[0].rows[0].cells
    shown = {key: cells[columns.index(key)].text for key in ("frames", "sound", "seconds")}
    assert shown == {"frames": "8.0", "sound": "4.2", "seconds": "0.2"}
    coverage = table.rows[0].coverage
    assert coverage is not None
    assert coverage.text == "99.0 %"
    assert coverage.losses == ("3.0 % unparsable", "1.0 % failed")
    assert sum(share.length for share in coverage.shares) == pytest.approx(100)


def test_runs_of_one_name_are_told_apart_by_their_weights_and_settings() -> None:
    run = MadeUpRun()
    model = run.manifest().model.model_copy(
        update={"weights_hash": "0123456789abcdef", "settings": {"dtype": "bfloat16"}}
    )
    manifest = run.manifest().model_copy(update={"model": model})
    (group,) = make_groups([FinishedRun(manifest, run.results())], [], Confidence.HIGH)
    row = group.tables[0].rows[0]
    assert "weights 0123456789ab" in row.facts
    assert row.remarks[0] == "Set: dtype = bfloat16"


def test_yes_recall_never_stands_without_no_recall() -> None:
    keys = [column.key for column in _table(MadeUpRun()).columns]
    assert keys.index("no_recall") == keys.index("yes_recall") + 1


def test_a_number_that_no_row_has_gets_no_column() -> None:
    keys = [column.key for column in _table(MadeUpRun(hallucination_rate=None)).columns]
    assert "hallucination_rate" not in keys
    assert "hallucination_rate" in [column.key for column in _table(MadeUpRun()).columns]
    assert choose_columns(["a"], [{}]) == []


def test_the_heat_map_marks_what_is_below_chance() -> None:
    (group,) = _groups(MadeUpRun(accuracy=0.45))
    ((_, cells),) = group.heat_map.rows
    marks = {name: cell for name, cell in zip(group.heat_map.columns, cells, strict=True) if cell}
    below = [name for name, cell in marks.items() if cell.is_below_chance]
    assert below == ["modality agreement", "reasoning stress audio", "reasoning stress video"]
    assert {marks[name].level for name in below} == {0}
    assert marks["reasoning basic audio"].level == round(10 * (0.55 - 0.25) / 0.75)


def test_the_scatter_speaks_only_of_runs_with_a_rate_and_full_coverage() -> None:
    (group,) = _groups(
        MadeUpRun("hf/a", 0.7, hallucination_rate=0.2),
        MadeUpRun("hf/partial", failed=4),
        MadeUpRun("hf/no-rate", hallucination_rate=None),
    )
    assert [(point.row.model, point.rate) for point in group.scatter] == [("hf/a", 0.2)]


# Reported rows


def test_reported_rows_stand_only_in_the_official_table_of_the_paper_variant() -> None:
    (group,) = _groups(MadeUpRun(variant="paper"))
    strict, official = group.tables
    assert {row.badge for row in strict.rows} == {"measured"}
    assert [row.model for row in official.rows if row.badge == "reported"] == [
        "AVERE base + AVEm-DPO",
        "AVERE base + Vista-DPO (as adapted by the authors)",
        "AVERE base + Naive-DPO",
        "AVERE base",
        "AVERE base + AVEm-DPO without TPD",
    ]
    assert all(row.rank is None for row in official.rows if row.badge == "reported")
    (other,) = _groups(MadeUpRun(variant="answer-format"))
    assert {row.badge for table in other.tables for row in table.rows} == {"measured"}


def test_values_of_medium_confidence_are_shown_when_asked_for() -> None:
    def accuracy(least: Confidence) -> str:
        (group,) = _groups(MadeUpRun(variant="paper"), least=least)
        table = group.tables[1]
        column = [column.key for column in table.columns].index("accuracy.modality_agreement")
        rows = [row for body in table.bodies for row in body.rows]
        return next(row.cells[column].text for row in rows if row.row.model == "AVERE base")

    assert accuracy(Confidence.HIGH) == "\N{EN DASH}"
    assert accuracy(Confidence.MEDIUM) == "51.4"


# The page


def test_the_same_runs_give_the_same_bytes_in_whatever_order_they_come(tmp_path: Path) -> None:
    runs = write_runs(
        tmp_path / "runs",
        MadeUpRun("hf/b"),
        MadeUpRun("hf/a"),
        MadeUpRun("hf/a", variant="paper", request_hash="d" * 64),
    )
    build_leaderboard(runs, tmp_path / "first")
    build_leaderboard([*reversed(runs), runs[0]], tmp_path / "second")
    assert _files(tmp_path / "first") == _files(tmp_path / "second")


def test_where_the_runs_lie_leaves_no_trace_on_the_page(tmp_path: Path) -> None:
    runs = (
        MadeUpRun("hf/b", task="another"),
        MadeUpRun("hf/a", created="2026-11-20T10:00:00Z", hallucination_rate=0.1),
        MadeUpRun("hf/a", created="2026-11-20T11:00:00Z", hallucination_rate=0.2),
    )
    assert _page(tmp_path / "here", *runs) == _page(tmp_path / "there", *reversed(runs))


def test_what_others_wrote_is_text_and_nothing_else(tmp_path: Path) -> None:
    tame = _Elements(_page(tmp_path / "tame", MadeUpRun("hf/x", warnings=("w",), label="l")))
    page = _page(
        tmp_path / "hostile",
        MadeUpRun(
            model=HOSTILE,
            label=HOSTILE,
            title=HOSTILE,
            task=HOSTILE,
            variant=HOSTILE,
            warnings=(HOSTILE,),
            delivery_notes={HOSTILE: 1},
            created=HOSTILE,
        ),
    )
    hostile = _Elements(page)
    tags = {tag for tag, _ in hostile.elements}
    assert tags == {tag for tag, _ in tame.elements}
    assert sum(tag == "script" for tag, _ in hostile.elements) == 1
    attributes = {name for _, found in hostile.elements for name in found}
    assert not {name for name in attributes if name.startswith("on") or name in {"style", "src"}}
    assert "<script>alert(1)</script>" in hostile.text
    assert not set("\x1b\u202e") & set(page)


def test_the_policy_admits_the_page_s_own_style_and_script_and_nothing_else(tmp_path: Path) -> None:
    page = _page(tmp_path, MadeUpRun())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; ")
    assert "unsafe" not in policy[1]
    for tag in ("style", "script"):
        content = re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert content is not None
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]


def test_the_page_names_no_outside_address(tmp_path: Path) -> None:
    page = _page(tmp_path, MadeUpRun(variant="paper"))
    assert not re.search(r"(https?:)?//[a-z]", page.split("<body>")[1].split("<script>")[0])


def test_every_link_of_every_page_leads_somewhere_within_the_site(tmp_path: Path) -> None:
    _page(tmp_path, MadeUpRun(), MadeUpRun(variant="paper", request_hash="d" * 64))
    pages = {
        path: _Elements(path.read_text(encoding="utf-8")).elements
        for path in (tmp_path / "site").rglob("*.html")
    }
    anchors = {
        path: {found["id"] for _, found in elements if "id" in found}
        for path, elements in pages.items()
    }
    links = [
        (path, found["href"] or "")
        for path, elements in pages.items()
        for tag, found in elements
        if "href" in found and tag != "link"
    ]
    assert len(links) > 50
    for path, link in links:
        address, _, anchor = link.partition("#")
        target = (path.parent / address).resolve() if address else path
        assert target.is_file()
        assert target.is_relative_to(tmp_path / "site")
        assert not anchor or anchor in anchors[target]


def test_ids_are_unique(tmp_path: Path) -> None:
    _page(tmp_path, MadeUpRun(), MadeUpRun(), MadeUpRun(variant="paper", request_hash="d" * 64))
    for path in (tmp_path / "site").rglob("*.html"):
        elements = _Elements(path.read_text(encoding="utf-8")).elements
        ids = [found["id"] for _, found in elements if "id" in found]
        assert len(ids) == len(set(ids))


def test_a_leaderboard_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one run"):
        build_leaderboard([], tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file is in the way")
    with pytest.raises(RunError, match="cannot be written") as caught:
        build_leaderboard(write_runs(tmp_path / "runs", MadeUpRun()), tmp_path / "site")
    assert (caught.value.where or "").startswith(str(tmp_path / "site"))


def test_two_tables_of_one_name_say_what_tells_them_apart(tmp_path: Path) -> None:
    later = MadeUpRun(request_hash="d" * 64, created="2026-11-27T10:00:00Z")
    page = _page(tmp_path, MadeUpRun(), later, MadeUpRun(variant="paper"))
    headings = re.findall(r'<h2>EmoReAlM <span class="variant">(.*?)</span></h2>', page)
    assert headings == [
        "answer-format, request bbbbbbbbbbbb, since 2026-11-20",
        "answer-format, request dddddddddddd, since 2026-11-27",
        "paper",
    ]
