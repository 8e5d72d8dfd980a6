"""Baselines, rules files, and the limits that a run is held against."""

from __future__ import annotations

import base64
import json
import shutil
import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emoreal_bench.api import PlanOptions, RunOptions, check, evaluate, save_baseline
from emoreal_bench.comparing.baseline import pack_bits, unpack_bits
from emoreal_bench.comparing.gate import _summary, check_scores, load_rules
from emoreal_bench.contracts.check import (
    CheckOutcome,
    CheckReport,
    CheckRules,
    Decision,
    RuleKind,
    RuleResult,
    SubtaskLimits,
)
from emoreal_bench.contracts.comparison import Verdict
from emoreal_bench.contracts.errors import NotComparableError, RunError, UsageError
from emoreal_bench.contracts.run_record import ITEMS_FILE, RESULTS_FILE
from emoreal_bench.contracts.scores import SubtaskScores
from emoreal_bench.reporting.check.output import check_junit, check_markdown, check_renderables
from tests.small_emorealm import gold_answers, make_data, write_script

ITEMS = 240
HOSTILE = "<script>alert(1)</script>|`@everyone`\x1b[31m\ufffe=1+1"


class Workshop:
    """Makes runs over one data set, as good as wanted, and files beside them."""

    def __init__(self, home: Path):
        self.home = home
        self.data = make_data(home / "data", ITEMS)

    def run(self, name: str, wrong_every: int | None, plan: PlanOptions | None = None) -> Path:
        model = write_script(self.home / f"{name}.json", gold_answers(self.data), wrong_every)
        folder = self.home / name
        options = RunOptions(plan=plan or PlanOptions(), out=folder)
        evaluate(model, "emorealm", self.data, options)
        return folder

    def rules(self, text: str) -> Path:
        path = self.home / "rules.yaml"
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="module")
def good(workshop: Workshop) -> Path:
    return workshop.run("good", 10)


@pytest.fixture(scope="module")
def poor(workshop: Workshop) -> Path:
    return workshop.run("poor", 2)


@pytest.fixture(scope="module")
def baseline(workshop: Workshop, good: Path) -> Path:
    path = workshop.home / "baseline.json"
    save_baseline(good, path)
    return path


def found(report: CheckReport, kind: RuleKind, about: str) -> RuleResult:
    return next(rule for rule in report.rules if (rule.kind, rule.about) == (kind, about))


@given(arrays(np.bool_, st.integers(1, 300)))
def test_bits_come_back_as_they_were_written(
    bits: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> None:
    assert unpack_bits(pack_bits(bits), bits.size).tolist() == bits.tolist()


def test_a_baseline_is_small_and_the_same_for_the_same_run(
    workshop: Workshop, good: Path, baseline: Path
) -> None:
    again = workshop.home / "again.json"
    save_baseline(good, again)
    assert again.read_bytes() == baseline.read_bytes()
    assert len(baseline.read_bytes()) < 3000
    record = json.loads(baseline.read_text(encoding="utf-8"))
    assert record["average_accuracy"] == pytest.approx(0.9)
    assert record["items"] == ITEMS


def test_a_run_passes_against_itself_and_a_worse_one_fails(
    good: Path, poor: Path, baseline: Path
) -> None:
    assert check(good, baseline).outcome is CheckOutcome.PASSED
    report = check(poor, baseline)
    assert report.outcome is CheckOutcome.FAILED
    assert "average accuracy" in report.summary


def test_a_run_with_gaps_is_not_decided_and_makes_no_baseline(
    good: Path, baseline: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "torn"
    shutil.copytree(good, folder)
    lines = (folder / ITEMS_FILE).read_bytes().splitlines(keepends=True)
    (folder / ITEMS_FILE).write_bytes(b"".join(lines[:100]))
    (folder / RESULTS_FILE).unlink()  # A run that was broken off has none.
    report = check(folder, baseline)
    assert report.outcome is CheckOutcome.INCOMPLETE
    assert "100 of 240 items" in report.summary
    with pytest.raises(RunError, match=r"41\.7 % of its items"):
        save_baseline(folder, tmp_path / "baseline.json")


def test_less_coverage_is_allowed_where_the_rules_say_so(
    workshop: Workshop, good: Path, baseline: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "torn"
    shutil.copytree(good, folder)
    lines = (folder / ITEMS_FILE).read_bytes().splitlines(keepends=True)
    (folder / ITEMS_FILE).write_bytes(b"".join(lines[:-1]))
    (folder / RESULTS_FILE).unlink()  # A run that was broken off has none.
    rules = workshop.rules("least_coverage: 0.99")
    assert check(folder, baseline, rules).outcome is CheckOutcome.PASSED


def test_a_run_that_was_asked_otherwise_is_not_comparable(
    workshop: Workshop, baseline: Path
) -> None:
    other = workshop.run("paper", 10, PlanOptions(variant="paper"))
    with pytest.raises(NotComparableError, match="variant"):
        check(other, baseline)
    fewer = workshop.run("fewer", 10, PlanOptions(limit=30))
    with pytest.raises(NotComparableError, match="240 and 30 items"):
        check(fewer, baseline)


def test_a_baseline_read_by_other_rules_is_not_comparable(
    good: Path, baseline: Path, tmp_path: Path
) -> None:
    path = tmp_path / "old.json"
    record = json.loads(baseline.read_text()) | {"scoring_hash": "0" * 64, "checksum": None}
    path.write_text(json.dumps(record))
    with pytest.raises(NotComparableError, match="rules of strict scoring"):
        check(good, path)


def test_a_baseline_that_was_changed_is_named(good: Path, baseline: Path, tmp_path: Path) -> None:
    record = json.loads(baseline.read_text())
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(record | {"average_accuracy": 0.1}))
    with pytest.raises(RunError, match=r"changed after it was written[^$]*save-baseline"):
        check(good, path)


def test_a_baseline_of_earlier_versions_has_no_checksum(
    good: Path, baseline: Path, tmp_path: Path
) -> None:
    record = json.loads(baseline.read_text())
    del record["checksum"]
    path = tmp_path / "older.json"
    path.write_text(json.dumps(record))
    check(good, path)


def bomb(size: int) -> str:
    return base64.b64encode(zlib.compress(bytes(size))).decode()


@pytest.mark.parametrize(
    "right", ["", "!", "AAAA", bomb(10), bomb(50_000_000), bomb(30)[:-8]], ids=str.__len__
)
def test_a_baseline_that_does_not_hold_its_items_is_damaged(
    good: Path, baseline: Path, tmp_path: Path, right: str
) -> None:
    path = tmp_path / "damaged.json"
    record = json.loads(baseline.read_text()) | {"right": right, "checksum": None}
    path.write_text(json.dumps(record))
    with pytest.raises(RunError, match=r"damaged|does not hold"):
        check(good, path)


@pytest.mark.parametrize("text", [None, "", "[]", '{"schema": 1}'])
def test_another_file_is_no_baseline(good: Path, tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "other.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(RunError, match="save-baseline"):
        check(good, path)


def test_an_empty_rules_file_holds_the_default_rules(workshop: Workshop) -> None:
    assert load_rules(workshop.rules("")) == CheckRules()


def test_a_subtask_s_own_limits_go_before_those_of_every_subtask() -> None:
    rules = CheckRules(
        every_subtask=SubtaskLimits(largest_drop=0.02, floors={"accuracy": 0.5, "f1": 0.4}),
        subtasks={
            "one": SubtaskLimits(floors={"accuracy": 0.7}),
            "two": SubtaskLimits(largest_drop=None),
        },
    )
    assert rules.limits_of("one").floors == {"accuracy": 0.7, "f1": 0.4}
    assert rules.limits_of("one").largest_drop == 0.02
    assert rules.limits_of("two").largest_drop is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("largest_drop: 0.1", "largest_drop"),
        ("level: 0.9", "level"),
        ("subtasks: {x: {floors: {acuracy: 0.5}}}", "acuracy"),
        ("- 1", "valid dictionary"),
        ("a: [", "cannot be read"),
    ],
)
def test_wrong_rules_are_a_wrong_use(workshop: Workshop, text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        load_rules(workshop.rules(text))


def test_rules_for_a_subtask_that_is_not_there_name_the_nearest(
    workshop: Workshop, good: Path, baseline: Path
) -> None:
    rules = workshop.rules("subtasks: {modality_agrement: {largest_drop: 0.1}}")
    with pytest.raises(UsageError, match="Did you mean modality_agreement"):
        check(good, baseline, rules)


def test_a_limit_of_a_rate_that_the_data_does_not_have_is_a_wrong_use(
    workshop: Workshop, good: Path, baseline: Path
) -> None:
    rules = workshop.rules("question_types: {stress_test: {ceilings: {hallucination_rate: 0.3}}}")
    with pytest.raises(UsageError, match="hallucination rate of stress test"):
        check(good, baseline, rules)


@pytest.mark.parametrize(
    ("decide", "floor", "passed"),
    [
        (Decision.ABSOLUTE, 0.91, False),
        (Decision.ABSOLUTE, 0.89, True),
        (Decision.STATISTICAL, 0.91, True),
        (Decision.STATISTICAL, 0.99, False),
    ],
)
def test_statistically_a_floor_is_broken_only_by_the_whole_interval(
    workshop: Workshop, good: Path, baseline: Path, decide: Decision, floor: float, *, passed: bool
) -> None:
    rules = workshop.rules(
        f"{{decide: {decide}, average: {{floor: {floor}}}, "
        f"subtasks: {{modality_agreement: {{floors: {{accuracy: {floor}}}}}}}}}"
    )
    report = check(good, baseline, rules)
    assert found(report, RuleKind.FLOOR, "average accuracy").passed is passed
    assert found(report, RuleKind.FLOOR, "modality_agreement").passed is passed
    assert (report.outcome is CheckOutcome.PASSED) is passed


def test_what_others_name_is_shown_as_text(poor: Path, baseline: Path) -> None:
    report = check(poor, baseline)
    rules = tuple(rule.model_copy(update={"about": HOSTILE}) for rule in report.rules)
    hostile = report.model_copy(
        update={
            "rules": rules,
            "model": HOSTILE,
            "task": HOSTILE,
            "baseline_model": HOSTILE,
            # It names the rules that are broken.
            "summary": _summary(report.outcome, rules),
        }
    )
    assert "script" in hostile.summary
    markdown = check_markdown(hostile)
    for line in markdown.splitlines():
        outside = "".join(line.split("`")[::2])
        assert "script" not in outside
        assert "@" not in outside
    widths = {
        line.replace(r"\|", "").count("|") for line in markdown.splitlines() if line[:1] == "|"
    }
    assert widths == {6}
    cases = ET.fromstring(check_junit(hostile)).findall(".//testcase")
    assert [case.find("failure") is not None for case in cases] == [not r.passed for r in rules]
    assert "\x1b" not in markdown + check_junit(hostile)


@pytest.fixture(scope="module")
def changed(workshop: Workshop) -> Path:
    """Make a run that is about as good as the good one, on other items."""
    return workshop.run("changed", 12)


def counts(report: CheckReport) -> dict[str, int]:
    """Count the marks of a JUnit file, and hold its own counts against them."""
    suite = ET.fromstring(check_junit(report))[0]
    tags = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    found = {name: len(suite.findall(f".//{tag}")) for name, tag in tags.items()}
    assert found == {name: int(suite.get(name) or 0) for name in tags}
    return found


def test_junit_counts_what_failed_and_skips_what_is_too_small(
    good: Path, poor: Path, changed: Path, baseline: Path
) -> None:
    assert counts(check(good, baseline)) == {"failures": 0, "errors": 0, "skipped": 0}
    report = check(changed, baseline)
    assert report.passed
    assert counts(report)["skipped"] == sum(rule.undecided for rule in report.rules) > 0
    assert counts(report)["failures"] == 0
    failed = counts(check(poor, baseline))
    assert failed["failures"] > 0


@pytest.mark.parametrize(
    ("word", "expected", "marks"),
    [
        ("pass", (CheckOutcome.PASSED, 0, True), ("cannot tell", "skipped")),
        ("fail", (CheckOutcome.UNDECIDED, 11, False), ("CANNOT TELL", "failures")),
    ],
)
def test_what_cannot_be_told_means_the_same_in_every_output(
    workshop: Workshop,
    changed: Path,
    baseline: Path,
    word: str,
    expected: tuple[CheckOutcome, int, bool],
    marks: tuple[str, str],
) -> None:
    mark, tag = marks
    report = check(changed, baseline, workshop.rules(f"undecided: {word}"))
    undecided = sum(rule.undecided for rule in report.rules)
    assert (report.outcome, report.exit_code, report.passed) == expected
    assert counts(report)[tag] == undecided > 0
    markdown = check_markdown(report)
    assert markdown.startswith(f"### {report.outcome.capitalize()}: ")
    assert markdown.count(f"| {mark} |") == undecided
    assert f"{undecided} of {len(report.rules)} rules it cannot be told" in report.summary
    assert report.summary in terminal_text(report)
    assert mark in terminal_text(report)


def test_low_coverage_ends_with_3_whatever_the_rules_say_of_the_undecided(
    workshop: Workshop, changed: Path, baseline: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "torn"
    shutil.copytree(changed, folder)
    lines = (folder / ITEMS_FILE).read_bytes().splitlines(keepends=True)
    (folder / ITEMS_FILE).write_bytes(b"".join(lines[:-1]))
    (folder / RESULTS_FILE).unlink()  # A run that was broken off has none.
    report = check(folder, baseline, workshop.rules("undecided: fail"))
    assert (report.outcome, report.exit_code) == (CheckOutcome.INCOMPLETE, 3)
    assert counts(report)["errors"] == 1


def test_a_run_against_itself_is_identical_in_check_as_in_compare(
    good: Path, baseline: Path
) -> None:
    report = check(good, baseline)
    verdicts = {rule.drop.verdict for rule in report.rules if rule.drop is not None}
    assert verdicts == {Verdict.IDENTICAL}
    assert "identical" in terminal_text(report)


def test_an_improved_model_passes(workshop: Workshop, baseline: Path) -> None:
    better = workshop.run("better", 25)
    report = check(better, baseline)
    assert report.outcome is CheckOutcome.PASSED
    average = found(report, RuleKind.DROP, "average accuracy")
    assert average.summary.startswith("from 90.0 to 95.8 %: ")


def test_a_perfect_run_keeps_a_floor_of_100_percent(
    workshop: Workshop, baseline: Path, tmp_path: Path
) -> None:
    perfect = workshop.run("perfect", None)
    rules = workshop.rules("every_subtask: {floors: {accuracy: 1.0}}")
    report = check(perfect, baseline, rules)
    assert all(rule.passed for rule in report.rules)


@pytest.mark.parametrize("kind", [RuleKind.FLOOR, RuleKind.CEILING])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_score_without_an_interval_cannot_be_told_from_its_limit(
    kind: RuleKind, value: float
) -> None:
    scores = SubtaskScores(n=2, outcomes={}, accuracy=value, f1=value, hallucination_rate=value)
    limits = (
        SubtaskLimits(floors={"f1": 0.5})
        if kind is RuleKind.FLOOR
        else SubtaskLimits(ceilings={"hallucination_rate": 0.5})
    )
    (rule,) = check_scores("two items", scores, limits, Decision.STATISTICAL)
    assert rule.passed
    assert rule.undecided
    assert "no interval" in rule.summary
    (plain,) = check_scores("two items", scores, limits, Decision.ABSOLUTE)
    assert plain.passed is ((value >= 0.5) is (kind is RuleKind.FLOOR))
    assert not plain.undecided


def terminal_text(report: CheckReport) -> str:
    """Print a report on one wide line for each row."""
    from rich.console import Console

    console = Console(width=400, no_color=True)
    with console.capture() as capture:
        console.print(*check_renderables(report))
    return capture.get()


def test_the_terminal_names_every_rule_and_its_verdict(poor: Path, baseline: Path) -> None:
    text = terminal_text(check(poor, baseline))
    assert "FAIL" in text
    assert "average accuracy" in text
    assert "worse, and chance does not explain it" in text
