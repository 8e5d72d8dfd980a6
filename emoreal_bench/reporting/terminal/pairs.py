"""What ``emoreal-bench prefs`` prints for people."""

from __future__ import annotations

from collections.abc import Iterator

from emoreal_bench.preferences.checking.verdicts import Agreement, AuditReport
from emoreal_bench.preferences.report import OverlapKind, PairsReport
from emoreal_bench.printable import plain_text
from emoreal_bench.text import UNDEFINED, count_of, percent, percent_interval

_SHOWN = 10


def report_lines(report: PairsReport) -> Iterator[str]:
    """Write a report in lines, its warnings last."""
    yield (
        f"{count_of(report.pairs, 'pair')} about {count_of(report.clips, 'clip')}: "
        f"{report.with_both_rejected:,} with both rejected answers, "
        f"{report.with_one_rejected:,} with one; {report.with_altered_input:,} with an altered "
        "input."
    )
    yield _cue_line(report)
    yield from _role_lines(report)
    for options, letters in report.letters.items():
        shares = ", ".join(
            f"{letter} {percent(count / letters.pairs)}" for letter, count in letters.chosen.items()
        )
        yield f"right letter of {options} options, percent of {letters.pairs:,}: {shares}"
    if report.lengths is not None:
        lengths = report.lengths
        yield (
            f"mean length of written answers, in characters: chosen {lengths.mean_chosen:.1f}, "
            f"rejected {lengths.mean_rejected:.1f}; share of longer less share of shorter chosen "
            f"ones: {lengths.advantage:+.2f}"
        )
    yield _blind_line(report)
    yield f"duplicates: {report.duplicates}; contradictions: {report.contradictions}"
    yield from _overlap_lines(report)
    yield from (f"warning: {plain_text(warning, 400)}" for warning in report.warnings)


def audit_lines(report: AuditReport) -> Iterator[str]:
    """Write what an audit found, in lines."""
    yield (
        f"{report.audited:,} of {count_of(report.pairs, 'pair')} audited to the end: "
        f"{_agreement(report.sound)} hold in everything."
    )
    for claim, agreement in report.claims.items():
        yield f"{claim.value} answers: {_agreement(agreement)} hold"


def _agreement(agreement: Agreement) -> str:
    if agreement.interval is None:
        return UNDEFINED
    unsure = f", {agreement.unsure} unsure" if agreement.unsure else ""
    return (
        f"{agreement.agreed} of {agreement.asked}, {percent(agreement.share)} percent "
        f"({percent_interval(agreement.interval)}{unsure})"
    )


def _cue_line(report: PairsReport) -> str:
    bias = report.cue_bias
    if bias is None:
        return f"emotion and cue: {UNDEFINED}"
    share = ""
    if bias.typical_share is not None and bias.typical_interval is not None:
        share = (
            f"; typical cue {percent(bias.typical_share)} percent "
            f"({percent_interval(bias.typical_interval)}), evenly {percent(bias.even_share)}"
        )
    return f"emotion and cue: Cramér's V {bias.association:.2f}{share}"


def _role_lines(report: PairsReport) -> Iterator[str]:
    if report.roles is None:
        return
    yield f"yes/no questions with a cue of a named emotion, {count_of(report.roles.pairs, 'pair')}:"
    yield "  asked for    it is    the emotion alone says   pairs"
    for row in report.roles.counts:
        cue, there = ("typical" if row.typical else "other"), ("there" if row.present else "absent")
        says = f"{'yes' if row.typical else 'no'}, {'right' if row.prior_is_right else 'wrong'}"
        trap = "   (traps)" if row.typical and not row.present else ""
        yield f"  {cue:<13}{there:<9}{says:<25}{row.pairs:,}{trap}"


def _blind_line(report: PairsReport) -> str:
    blind = report.blind
    if blind is None:
        return "found without the clip: not measured; name a model with --model"
    interval = "" if blind.interval is None else f" ({percent_interval(blind.interval)})"
    return (
        f"found without the clip by {plain_text(blind.model)}: {percent(blind.accuracy)} percent"
        f"{interval} of {blind.asked:,}, guessing {percent(blind.chance)}"
    )


def _overlap_lines(report: PairsReport) -> Iterator[str]:
    if not report.checked_against:
        yield "overlap with evaluation sets: not looked for; name them with --against TASK=FOLDER"
        return
    yield f"overlap with {', '.join(report.checked_against)}: {len(report.overlaps)}"
    for overlap in report.overlaps[:_SHOWN]:
        how = "has the bytes of" if overlap.kind is OverlapKind.CONTENT else "is named like"
        yield plain_text(f"  {overlap.clip} {how} {overlap.evaluation_clip} of {overlap.task}", 400)
    if len(report.overlaps) > _SHOWN:
        yield f"  and {len(report.overlaps) - _SHOWN} more"
