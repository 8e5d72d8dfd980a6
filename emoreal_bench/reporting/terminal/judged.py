"""What a judge says of a run, in the terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from emoreal_bench.contracts.scores import JudgedScore, JudgedScores, Results
from emoreal_bench.printable import plain_text
from emoreal_bench.reporting.terminal.tables import named_rows
from emoreal_bench.text import UNDEFINED, count_of, percent_of_whole, rating, words


def judged_renderables(results: Results) -> list[RenderableType]:
    """Make a table, or a line of verdicts, per judged subtask, with its notes.

    Nothing for other runs.
    """
    shown: list[RenderableType] = []
    for name, scores in (results.judged or {}).items():
        if scores.verdicts is None:
            shown.append(_table(name, scores))
        else:
            shown += [Text(_title(name, scores)), Text(_judgements(scores))]
        shown += [Text(line) for line in _notes(scores)]
    return shown


def judged_lines(results: Results) -> list[str]:
    """Write the same as plain lines, for logs."""
    lines = []
    for name, scores in (results.judged or {}).items():
        lines.append(_title(name, scores))
        lines += [
            f"  {words(dimension)}: {rating(score.mean)} [{_interval(score)}], "
            f"agreement {rating(score.agreement)}"
            for dimension, score in scores.scores.items()
        ]
        lines += [_judgements(scores), *_notes(scores)]
    return lines


def _table(name: str, scores: JudgedScores) -> RenderableType:
    headings = ("mean", "95 %", "agreement")
    table = named_rows(_title(name, scores), headings, caption=_judgements(scores))
    for dimension, score in scores.scores.items():
        table.add_row(
            words(dimension), rating(score.mean), _interval(score), rating(score.agreement)
        )
    return table


def _title(name: str, scores: JudgedScores) -> str:
    judged = (
        f"{scores.judged:,} of {count_of(scores.items, 'item')} "
        f"({percent_of_whole(scores.coverage)} %)"
    )
    if scores.verdicts is None:
        return f"{plain_text(name)}: judged 1 to 10, {judged}"
    told = ", ".join(f"{number:,} {verdict}" for verdict, number in scores.verdicts.items())
    return f"{plain_text(name)}: replies without an answer, {judged} judged: {told}"


def _judgements(scores: JudgedScores) -> str:
    counts = ", ".join(f"{number:,} {name}" for name, number in scores.judgements.items() if number)
    return f"Judgements: {counts or 'none'}"


def _notes(scores: JudgedScores) -> list[str]:
    return [f"Note: {plain_text(note, 300)}" for note in scores.notes]


def _interval(score: JudgedScore) -> str:
    if score.interval is None:
        return UNDEFINED
    return f"{score.interval[0]:.2f}\N{EN DASH}{score.interval[1]:.2f}"
