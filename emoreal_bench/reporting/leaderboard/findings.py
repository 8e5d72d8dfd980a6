"""What came out, in sentences: the first thing that a reader of a leaderboard sees.

Each sentence follows from the table below it. None says that a model is better where the
ranks do not, and a run that lacks items is never set beside a complete one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from emoreal_bench.reporting.leaderboard.conditions import ConditionTable
from emoreal_bench.reporting.leaderboard.rows import Badge, Row
from emoreal_bench.reporting.leaderboard.tables import Table
from emoreal_bench.text import count_of, percent, percent_interval

_MOST_NAMED = 3
"""More leaders than this are counted instead of named."""
_LESS_THAN_ONCE = 0.05

_RATES = (
    ("hallucination_rate", "a cue that is not in the clip"),
    ("spurious_rate", "one that is there but has nothing to do with the emotion"),
)
_TOGETHER = {1: "", 2: "both", 3: "all three", 4: "all four"}
_MANY = {1: "one", 2: "two", 3: "three"}


def say_what_came_out(table: Table) -> tuple[str, ...]:
    """Say who is ahead, whether that takes a clip, and how often cues are invented.

    Args:
        table: The headline table of a group.
    """
    rows = [row for row in table.rows if row.badge is not Badge.REPORTED and not row.is_fine_tuned]
    ranked = [row for row in rows if row.rank is not None and row.average is not None]
    partial = [row for row in rows if not row.is_full and not row.is_blind and row.average]
    if not ranked:
        return _without_ranks(rows, partial)
    leaders = [row for row in ranked if row.rank and row.rank[0] == 1]
    named = leaders if len(leaders) <= _MOST_NAMED else ranked[:1]
    # Whether the best invents fewer cues than others is seen beside the last.
    lowest = [] if ranked[-1] in leaders else ranked[-1:]
    return tuple(
        sentence
        for sentence in (
            _who_leads(leaders, ranked),
            _beyond_blind(leaders, table),
            _how_often([*named, *lowest]),
            _left_out(partial),
        )
        if sentence
    )


def say_what_scores_rest_on(table: ConditionTable) -> str:
    """Say what is left of the best model's score where most is taken away; empty if unknown."""
    for row, cells in table.rows:
        known = [(c.accuracy, name) for name, c in zip(table.conditions, cells, strict=True) if c]
        if known and row.average:
            lowest, name = min(known)
            return (
                f"{_name(row)} reaches {percent(row.average.value)} % in full and "
                f"{percent(lowest)} % with {name}."
            )
    return ""


def _without_ranks(rows: Sequence[Row], partial: Sequence[Row]) -> tuple[str, ...]:
    blind = [row.average.value for row in rows if row.is_blind and row.average]
    if len(partial) == 1:
        row = partial[0]
        return (f"Only {_name(row)} was run, and its run is not complete: {_score(row)}.",)
    if partial:
        return (f"None of the {len(partial)} runs is complete, so nothing is ranked.",)
    if blind:
        span = (min(blind), max(blind))
        reach = percent(span[0]) if span[0] == span[1] else percent_interval(span)
        return (f"Only blind baselines were run: without a clip they reach {reach} %.",)
    if rows and all(row.average is None for row in rows):
        return ("The answers are free text, which a judge rates: emoreal-bench judge RUN.",)
    return ()


def _who_leads(leaders: Sequence[Row], ranked: Sequence[Row]) -> str:
    others = len(ranked) - len(leaders)
    if len(ranked) == 1:
        return f"{_score(ranked[0])}: one model was run, so nothing is ranked against it."
    if len(leaders) > _MOST_NAMED:
        first, second = leaders[:2]
        return (
            f"{len(leaders)} of {len(ranked)} models cannot be told apart, among them "
            f"{_score(first)} and {_score(second)}."
        )
    if len(leaders) > 1:
        alike = f"{_listed([_score(row) for row in leaders])} cannot be told apart"
        return alike + _those_below(leaders, others)
    leader = leaders[0]
    if leader.rank != (1, 1):
        return f"{_score(leader)} is ahead, though not of every model for sure."
    if others == 1:
        return f"{_score(leader)} is better than {_score(ranked[1])}."
    rest = "both other models" if others == 2 else f"all {others} other models"
    return f"{_score(leader)} is better than {rest}."


def _those_below(leaders: Sequence[Row], others: int) -> str:
    surely = all(row.rank and row.rank[1] <= len(leaders) for row in leaders)
    if not others:
        return "."
    if surely:
        return f"; {_TOGETHER[len(leaders)]} are better than the other {_MANY.get(others, others)}."
    return f"; {count_of(others, 'other model')} {'rank' if others > 1 else 'ranks'} lower."


def _beyond_blind(leaders: Sequence[Row], table: Table) -> str:
    if table.blind_band is None:
        return ""
    reach = table.blind_band[1]
    above = [
        row
        for row in leaders
        if row.average and row.average.interval and row.average.interval[0] > reach
    ]
    mark = f"the {percent(reach)} % that can be reached without a clip"
    if len(above) == len(leaders):
        return f"{_all_of(leaders)} above {mark}."
    if above:
        are = "is" if len(above) == 1 else "are"
        names = _listed([_name(row) for row in above])
        who = f"Only {names}" if len(above) <= _MOST_NAMED else f"{len(above)} of them"
        return f"{who} {are} clearly above {mark}."
    if len(leaders) == 1:
        return f"It is not clearly above {mark}."
    return f"{'Neither' if len(leaders) == 2 else 'None of them'} is clearly above {mark}."


def _all_of(leaders: Sequence[Row]) -> str:
    together = _TOGETHER.get(len(leaders), f"all {len(leaders)}")
    return f"{together.capitalize()} are" if together else "It is"


def _how_often(named: Sequence[Row]) -> str:
    """Say how often models say yes to cues that are not there, or that mean nothing."""
    told = [(asked, said) for metric, asked in _RATES if (said := _say_yes(named, metric))]
    if len(told) == len(_RATES) and len({said for _, said in told}) == 1:
        (first, said), (second, _) = told
        return f"Asked about {first}, or about {second}, {said}."
    # "One" stands for a cue only behind another.
    parts = [
        f"about {asked if number else asked.replace('one ', 'a cue ', 1)}, {said}"
        for number, (asked, said) in enumerate(told)
    ]
    return f"Asked {'; '.join(parts)}." if parts else ""


def _say_yes(named: Sequence[Row], metric: str) -> str:
    rates = [
        (row, _times(row.numbers[metric, ""].value)) for row in named if (metric, "") in row.numbers
    ]
    if not rates:
        return ""
    if len(rates) == len(named) and len({times for _, times in rates}) == 1:
        who = _TOGETHER[len(named)]
        return _yes(who or _name(named[0]), "say" if who else "says", rates[0][1])
    return _listed([_yes(_name(row), "says", times) for row, times in rates])


def _times(rate: float) -> str:
    if rate <= 0:
        return "never"
    if rate >= 1:
        return "always"
    if rate < _LESS_THAN_ONCE:
        return "in fewer than 1 of 20 cases"
    tenths = floor(10 * rate + 0.5)
    return "nearly always" if tenths == 10 else f"in about {tenths} of 10 cases"


def _yes(who: str, verb: str, times: str) -> str:
    is_adverb = times.endswith(("never", "always"))
    return f"{who} {times} {verb} yes" if is_adverb else f"{who} {verb} yes {times}"


def _left_out(partial: Sequence[Row]) -> str:
    if not partial:
        return ""
    if len(partial) == 1:
        return f"The run of {_name(partial[0])} is not complete and holds no rank."
    return f"{len(partial)} runs are not complete and hold no rank."


def _name(row: Row) -> str:
    return f"{row.model} ({row.distinction})" if row.distinction else row.model


def _score(row: Row) -> str:
    value = percent(row.average.value if row.average else None)
    details = [f"{value} %", *([row.caveat] if row.caveat else []), row.distinction]
    return f"{row.model} ({', '.join(filter(None, details))})"


def _listed(texts: Sequence[str]) -> str:
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last
