"""A check's report for people and for services: terminal, Markdown, JUnit.

Names come from models and task files, so none of them is trusted.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from rich.console import RenderableType
from rich.text import Text

from emoreal_bench.contracts.check import CheckOutcome, CheckReport, RuleKind, RuleResult
from emoreal_bench.identity import short
from emoreal_bench.printable import plain_text
from emoreal_bench.reporting.terminal.comparisons import change, short_p_value
from emoreal_bench.reporting.terminal.tables import text_rows
from emoreal_bench.text import percent, points, words

_HEADINGS = ("", "rule", "about", "limit", "found")
_FOOTNOTE = (
    "Drops: one-sided test by flipping the signs of whole clips, corrected for the number of "
    "tests; intervals at 95 %, by drawing clips."
)


def check_renderables(report: CheckReport) -> list[RenderableType]:
    """Show a check in the terminal: the outcome, then a row per rule."""
    table = text_rows(_HEADINGS, map(_cells, report.rules))
    for row, rule in zip(table.rows, report.rules, strict=True):
        row.style = "" if rule.passed else "bold red"
    return [Text(plain_text(report.summary, 500), style="bold"), table, Text(_FOOTNOTE)]


def check_markdown(report: CheckReport) -> str:
    """Write a check for a pull request's comment or a job's summary."""
    lines = [
        f"### {_TITLES[report.outcome]}: {_code(report.model)} on {_code(report.task)}",
        "",
        f"Held against the baseline of {_code(report.baseline_model)}.",
        "",
        f"| {' | '.join(_HEADINGS)} |",
        f"|{'---|' * len(_HEADINGS)}",
        *(_markdown_row(rule) for rule in report.rules),
        "",
        f"Decided by: {report.decide}, level {report.level:g}. {_FOOTNOTE} "
        f"Data `{short(report.data_hash)}`, request `{short(report.request_hash)}`.",
    ]
    return "\n".join(lines) + "\n"


def check_junit(report: CheckReport) -> str:
    """Write a check as a JUnit file: a test case per rule.

    A test that is too small to see the drop asked about is marked as skipped;
    too little coverage is an error.
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
    CheckOutcome.INCOMPLETE: "Not decided",
}


def _cells(rule: RuleResult) -> tuple[str, str, str, str, str]:
    return _mark(rule), rule.kind.value, words(rule.about), _limit(rule), _found(rule)


def _mark(rule: RuleResult) -> str:
    if not rule.passed:
        return "FAIL"
    return "too small" if rule.is_undecided else "ok"


def _limit(rule: RuleResult) -> str:
    if rule.kind is RuleKind.DROP:
        return f"{points(-rule.limit)} points"
    return f"{words(rule.metric)} {percent(rule.limit)} %"


def _found(rule: RuleResult) -> str:
    summary = plain_text(rule.summary, 500)
    if rule.drop is None:
        return summary
    p_value = short_p_value(rule.drop.adjusted_p_value)
    return f"{summary} ({change(rule.drop)}, p of a drop {p_value})"


def _markdown_row(rule: RuleResult) -> str:
    mark, kind, about, limit, found = _cells(rule)
    # Of these only the name of what the rule is about is somebody else's.
    return f"| {mark} | {kind} | {_code(about)} | {limit} | {found} |"


def _code(text: str) -> str:
    """Write untrusted text as code: no markup, no link and no mention works in there."""
    safe = plain_text(text).replace("`", "'").replace("|", r"\|")
    return f"`{safe or ' '}`"


def _junit_case(report: CheckReport, rule: RuleResult) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=_xml_text(f"emoreal_bench.{report.task}"),
        name=_xml_text(f"{words(rule.about)}: {rule.kind}, {words(rule.metric)}"),
        time="0",
    )
    message = _xml_text(_found(rule))
    if not rule.passed:
        tag = "error" if rule.kind is RuleKind.COVERAGE else "failure"
        ET.SubElement(case, tag, message=message)
    elif rule.is_undecided:
        ET.SubElement(case, "skipped", message=message)
    else:
        ET.SubElement(case, "system-out").text = message
    return case


def _xml_text(text: str) -> str:
    """Leave out the two characters that XML cannot hold and :func:`plain_text` lets pass."""
    return re.sub("[\ufffe\uffff]", "", plain_text(text, 600))
