"""A check's report for people and for services: terminal, Markdown, JUnit.

Names come from models and task files, so none of them is trusted.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from rich.console import RenderableType
from rich.text import Text

from emoreal_bench.contracts.check import (
    CheckOutcome,
    CheckPlan,
    CheckReport,
    PlannedTest,
    RuleKind,
    RuleResult,
    RuleState,
    Undecided,
)
from emoreal_bench.identity import hash_json, short
from emoreal_bench.printable import plain_text
from emoreal_bench.reporting.terminal.comparisons import change, short_p_value
from emoreal_bench.reporting.terminal.tables import text_rows
from emoreal_bench.scoring.metrics import Unit, metric_of
from emoreal_bench.text import UNDEFINED, percent, points, words, write_number

CHECK_HEADINGS = ("", "rule", "about", "limit", "found")
_FOOTNOTE = (
    "Drops: test by exchanging whole clips between the two runs, its p-values and intervals "
    "corrected by Holm over all tests."
)
_CANNOT_TELL = {
    Undecided.PASS: "What cannot be told passes; `undecided: fail` in the rules changes that.",
    Undecided.FAIL: "What cannot be told fails, since the rules say `undecided: fail`.",
}


def check_renderables(report: CheckReport) -> list[RenderableType]:
    """Show a check in the terminal: the outcome, then a row per rule."""
    table = text_rows(CHECK_HEADINGS, (check_cells(report, rule) for rule in report.rules))
    for row, rule in zip(table.rows, report.rules, strict=True):
        row.style = "bold red" if report.state_of(rule).fails else ""
    lines = [_FOOTNOTE, *_undecided_lines(report)]
    return [Text(plain_text(report.summary, 500), style="bold"), table, Text(" ".join(lines))]


def plan_renderables(plan: CheckPlan) -> list[RenderableType]:
    """Show in the terminal how many items each test of a check needs."""
    headings = ("accuracy of", "n", "clips", "finds now", "wished for", "items needed", "on clips")
    table = text_rows(headings, map(_plan_cells, plan.tests))
    footnote = (
        "Finds: the true drop, in points, that the test finds four times in five, at a level of "
        f"{percent(plan.level)} % for all of them together."
    )
    return [table, Text(plan.assumption), Text(footnote)]


def check_notes(report: CheckReport) -> list[str]:
    """Say how a check decides, and on what."""
    return [
        *_undecided_lines(report),
        f"Decided by: {report.decide}, level {percent(report.level)} %. {_FOOTNOTE}",
        f"Data {short(report.data_hash)}, request {short(report.request_hash or UNDEFINED)}.",
    ]


def check_markdown(report: CheckReport) -> str:
    """Write a check for a pull request's comment or a job's summary.

    The last line is a mark that nobody sees, by which the next check against the same baseline
    finds the comment that it may replace.
    """
    mark = short(hash_json([report.task, report.baseline_model, report.data_hash]))
    lines = [
        f"### {_TITLES[report.outcome]}: {_code(report.model)} on {_code(report.task)}",
        "",
        f"Held against the baseline of {_code(report.baseline_model)}.",
        "",
        f"| {' | '.join(CHECK_HEADINGS)} |",
        f"|{'---|' * len(CHECK_HEADINGS)}",
        *(_markdown_row(report, rule) for rule in report.rules),
        "",
        # It names what rules are about, which task files and other packages do.
        " ".join([_code(report.summary, 500), *_undecided_lines(report)]),
        "",
        f"Decided by: {report.decide}, level {percent(report.level)} %. {_FOOTNOTE} "
        f"Data `{short(report.data_hash)}`, request `{short(report.request_hash or 'not known')}`.",
        "",
        f"<!-- emoreal-bench check {mark} -->",
    ]
    return "\n".join(lines) + "\n"


def check_junit(report: CheckReport) -> str:
    """Write a check as a JUnit file: a test case per rule.

    What cannot be told is skipped, or a failure where the rules say so; too little
    coverage is an error.
    """
    cases = [_junit_case(report, rule) for rule in report.rules]
    counts = {
        kind: str(sum(case.find(tag) is not None for case in cases))
        for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    attributes = {"name": "emoreal-bench check", "tests": str(len(cases)), **counts}
    suite = ET.Element("testsuite", attributes)
    suite.extend(cases)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


_TITLES = {
    CheckOutcome.PASSED: "Passed",
    CheckOutcome.FAILED: "Failed",
    CheckOutcome.UNDECIDED: "Undecided",
    CheckOutcome.INCOMPLETE: "Not decided",
}
_JUNIT_TAGS = {
    RuleState.BROKEN: "failure",
    RuleState.NOT_COVERED: "error",
    RuleState.UNDECIDED: "skipped",
    RuleState.UNDECIDED_FAILS: "failure",
}


def check_cells(report: CheckReport, rule: RuleResult) -> tuple[str, str, str, str, str]:
    """Return a rule's row under :data:`CHECK_HEADINGS`."""
    state = report.state_of(rule)
    return state.value, rule.kind.value, words(rule.about), _limit(rule), _found(rule)


def _undecided_lines(report: CheckReport) -> list[str]:
    return [_CANNOT_TELL[report.undecided]] if any(r.undecided for r in report.rules) else []


def _plan_cells(test: PlannedTest) -> tuple[str, ...]:
    finds = test.smallest_detectable
    return (
        words(test.about),
        f"{test.n:,}",
        f"{test.clips:,}",
        "none" if finds is None or finds > 1 else percent(finds),
        percent(test.drop),
        f"{test.items_needed:,}",
        f"{test.clips_needed:,}",
    )


def _limit(rule: RuleResult) -> str:
    if rule.kind is RuleKind.DROP:
        return f"{points(-rule.limit)} points"
    if rule.kind is RuleKind.COVERAGE:
        return f"{percent(rule.limit)} %"
    sign = "" if metric_of(rule.metric).unit is Unit.PLAIN else " %"
    return f"{words(rule.metric)} {write_number(rule.metric, rule.limit)}{sign}"


def _found(rule: RuleResult) -> str:
    summary = plain_text(rule.summary, 500)
    if rule.drop is None:
        return summary
    p_value = short_p_value(rule.drop.adjusted_p_value)
    return f"{summary} ({change(rule.drop)} points, p {p_value})"


def _markdown_row(report: CheckReport, rule: RuleResult) -> str:
    mark, kind, about, limit, found = check_cells(report, rule)
    # Of these only the name of what the rule is about is somebody else's.
    return f"| {mark} | {kind} | {_code(about)} | {limit} | {found} |"


def _code(text: str, limit: int = 200) -> str:
    """Write untrusted text as code: no markup, no link and no mention works in there."""
    safe = plain_text(text, limit).replace("`", "'").replace("|", r"\|")
    return f"`{safe or ' '}`"


def _junit_case(report: CheckReport, rule: RuleResult) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=_xml_text(f"emoreal_bench.{report.task}"),
        name=_xml_text(f"{words(rule.about)}: {rule.kind}, {words(rule.metric)}"),
        time="0",
    )
    message = _xml_text(_found(rule))
    tag = _JUNIT_TAGS.get(report.state_of(rule))
    if tag is not None:
        ET.SubElement(case, tag, message=message)
    else:
        ET.SubElement(case, "system-out").text = message
    return case


def _xml_text(text: str) -> str:
    """Leave out the two characters that XML cannot hold and :func:`plain_text` lets pass."""
    return re.sub("[\ufffe\uffff]", "", plain_text(text, 600))
