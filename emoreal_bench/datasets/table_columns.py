"""Which columns of somebody's table hold what, told by their names and by what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from emoreal_bench.contracts.errors import UsageError, nearest
from emoreal_bench.contracts.task import Columns
from emoreal_bench.readers.clip_files import check_relative
from emoreal_bench.readers.listed_clips import ListedClips
from emoreal_bench.readers.question_rows import (
    MOST_OPTIONS,
    cell_text,
    find_letter,
    fold,
    whole_number,
)
from emoreal_bench.readers.questions import METADATA, options_of
from emoreal_bench.readers.records import MalformedItem
from emoreal_bench.text import count_of

Rows = Sequence[Mapping[Any, Any]]

_NAMES = {
    "id": "id qid questionid itemid sampleid uid uuid index idx nr no number",
    "clip": "clip clipname clippath clipfile clipid video videopath videofile videoname videoid "
    "vid file filename filepath path media mediapath audio audiopath audiofile name",
    "question": "question questiontext prompt query instruction text",
    "options": "options choices candidates optionlist choicelist",
    "answer": "answer correctanswer rightanswer goldanswer gold groundtruth gt correct "
    "correctoption correctchoice answerkey solution target label emotion reference description",
    "subtask": "subtask task questiontype qtype type kind",
    "modality": "modality",
    "category": "category",
    "group": "group",
    "pair": "pair pairid",
}
"""Names of columns in lower case without signs, the likeliest first."""
_OPTION = re.compile(
    r"(?P<prefix>options?|opt|choices?|answers?|ans|a|alternative|)[ _-]?(?P<mark>[a-z]|\d{1,2})",
    re.I,
)
_PARTS = (";", " / ", "/", ",")
_TRIED = 200
"""Names of clips by which a column is told."""
_MOST_SUBTASKS = 30


@dataclass(frozen=True, slots=True)
class Settled:
    """What the user says of a table.

    Attributes:
        columns: Those that are named.
        first_index: Number of the first option, where answers are numbers.
        parted_by: What parts the options in one text.
        ask: The question, where no column holds one.
    """

    columns: Columns = field(default_factory=Columns)
    first_index: int | None = None
    parted_by: str | None = None
    ask: str | None = None


def settle_columns(rows: Rows, clips: ListedClips, settled: Settled) -> Settled:
    """Find the columns that the user does not name, and how answers count options.

    Raises:
        UsageError: If it cannot be told what a column holds; it names the option that says so.
    """
    finder = _Finder(rows, clips, settled)
    columns = finder.columns()
    first = settled.first_index
    if first is None and columns.options:
        first = _first_index(rows, columns, settled.parted_by)
    return replace(settled, columns=columns, first_index=first)


class _Finder:
    """Finds the columns of one table."""

    def __init__(self, rows: Rows, clips: ListedClips, settled: Settled):
        self.rows = rows
        self.clips = clips
        self.settled = settled
        self.header = [name for name in dict.fromkeys(key for row in rows for key in row) if name]
        given = settled.columns.model_dump(exclude_none=True)
        self.taken = {name for names in given.values() for name in _listed(names)}
        for role, names in given.items():
            if unknown := [name for name in _listed(names) if name not in self.header]:
                near = nearest(str(unknown[0]), map(str, self.header))
                raise UsageError(
                    f"There is no column '{unknown[0]}' for the option --{role}.",
                    remedy=f"{near} The columns are {self._all()}.".lstrip(),
                )
        self.found: dict[str, Any] = dict(given)

    def columns(self) -> Columns:
        """Return all columns, those that the user names among them."""
        self._take("options", lambda: _option_columns(self._free()))
        self._take("clip", self._clip)
        if self.found["clip"] == "id":  # Clips are asked about once each, and name the questions.
            self.found.setdefault("id", "id")
        for role in ("id", "question", "answer", "subtask", *METADATA):
            look = {"question": self._question, "answer": self._answer, "subtask": self._subtask}
            self._take(role, look.get(role, partial(self._by_name, role)))
        return Columns.model_validate(self.found)

    def _take(self, role: str, look: Callable[[], Any]) -> None:
        if role not in self.found:
            self.found[role] = look()
            self.taken.update(_listed(self.found[role]))

    def _free(self) -> list[str]:
        return [name for name in self.header if name not in self.taken]

    def _all(self) -> str:
        return ", ".join(map(str, self.header))

    def _by_name(self, role: str) -> str | None:
        return _likeliest(role, _named(role, self._free()))

    def _one_of(self, names: Sequence[str], role: str, doubt: str) -> str:
        """Return the only column that can be meant.

        Raises:
            UsageError: If there are several or none.
        """
        if len(names) == 1:
            return names[0]
        if names:
            raise UsageError(
                f"Each of the columns {', '.join(names)} {doubt}.",
                remedy=f"Say which with --{role} COLUMN, for example --{role} '{names[0]}'.",
            )
        raise UsageError(
            f"No column {doubt}.",
            remedy=f"Name it with --{role} COLUMN; the columns are {self._all()}.",
        )

    def _clip(self) -> str:
        """Return the column whose values are names of clips that are there."""
        free = self._free()
        found = {name: _count_found(self.rows, name, self.clips) for name in free}
        named = _named("clip", free)
        here = [name for name in named if found[name] == max(map(found.__getitem__, named)) > 0]
        if here:
            return here[0]
        # Numbers of questions may be those of clips too, by chance.
        others = [name for name in free if not named or name not in _named("id", free)]
        most = max((found[name] for name in others), default=0)
        best = [name for name in others if found[name] == most > 0]
        if named and not best:
            return named[0]
        return self._one_of(best, "clip", f"names clips in {self.clips.below}")

    def _question(self) -> str | None:
        if self.settled.ask is not None:
            return None
        if named := self._by_name("question"):
            return named
        asking = [name for name in self._free() if _asks_something(self.rows, name)]
        try:
            return self._one_of(asking, "question", "looks like the questions")
        except UsageError as error:
            more = "Or give the one question of all clips with --ask TEXT."
            raise UsageError(error.problem, remedy=f"{error.remedy} {more}") from error

    def _answer(self) -> str:
        """Return the column of the likeliest name, or the one that holds an option in each row."""
        named = _named("answer", self._free())
        if len(named) == 1 or (named and _plain(named[0]) == "answer"):
            return named[0]
        columns = Columns(options=self.found["options"])
        fitting = [
            name
            for name in named or self._free()
            if columns.options and _are_answers(self.rows, name, columns, self.settled)
        ]
        return self._one_of(fitting or named, "answer", "looks like the answers")

    def _subtask(self) -> str | None:
        name = self._by_name("subtask")
        values = {cell_text(row.get(name)) for row in self.rows}
        return name if "" not in values and 1 < len(values) <= _MOST_SUBTASKS else None


def _listed(names: str | Sequence[str] | None) -> Sequence[str]:
    return [names] if isinstance(names, str) else names or ()


def _plain(name: object) -> str:
    return re.sub(r"[\W_]+", "", fold(str(name)))


def _named(role: str, header: Sequence[str]) -> list[str]:
    """Return the columns with a name for something, the likeliest first."""
    names = _NAMES[role].split()
    fitting = [name for name in header if _plain(name) in names]
    return sorted(fitting, key=lambda name: names.index(_plain(name)))


def _likeliest(role: str, fitting: Sequence[str]) -> str | None:
    """Return the column of the likeliest name.

    Raises:
        UsageError: If two have it.
    """
    if len(fitting) > 1 and _plain(fitting[0]) == _plain(fitting[1]):
        raise UsageError(
            f"Each of the columns {fitting[0]}, {fitting[1]} may be the {role}.",
            remedy=f"Rename one of the two, or say --{role} '{fitting[0]}'.",
        )
    return fitting[0] if fitting else None


def _option_columns(header: Sequence[str]) -> str | tuple[str, ...] | None:
    if whole := _likeliest("options", _named("options", header)):
        return whole
    groups: dict[str, dict[int, str]] = {}
    for name in header:
        match = _OPTION.fullmatch(str(name).strip())
        if match is None:
            continue
        mark, prefix = match["mark"], match["prefix"].casefold()
        if not prefix and not ("A" <= mark <= "Z"):
            continue
        place = int(mark) if mark.isdecimal() else ord(mark.upper()) - ord("A") + 1
        groups.setdefault(f"{prefix}{mark.isdecimal()}", {}).setdefault(place, name)
    for places in sorted(groups.values(), key=len, reverse=True):
        first = min(places)
        run = [first + step for step in range(MOST_OPTIONS) if first + step in places]
        if first <= 1 and len(run) == len(places) > 1:
            return tuple(places[place] for place in run)
    return None


def _count_found(rows: Rows, column: str, clips: ListedClips) -> int:
    """Count the first different values of a column that are clips."""
    values: dict[str, None] = {}
    for row in rows:
        value = row.get(column)
        value = value.get("path") if isinstance(value, Mapping) else value
        if text := cell_text(value):
            values[text] = None
        if len(values) == _TRIED:
            break
    return sum(_is_clip(value, clips) for value in values)


def _is_clip(name: str, clips: ListedClips) -> bool:
    try:
        check_relative(name, "clip")
    except MalformedItem:
        return False
    return bool(clips.find(name))


def _asks_something(rows: Rows, column: str) -> bool:
    texts = [cell_text(row.get(column)) for row in rows]
    asking = sum(text.endswith(("?", "\N{FULLWIDTH QUESTION MARK}")) for text in texts)
    return 2 * asking > len(texts)


def _are_answers(rows: Rows, name: str, columns: Columns, settled: Settled) -> bool:
    for row in rows:
        try:
            choices, places = options_of(row, columns, settled.parted_by)
            find_letter(cell_text(row.get(name)), choices, places, settled.first_index)
        except MalformedItem:
            return False
    return bool(rows)


def _first_index(rows: Rows, columns: Columns, parted_by: str | None) -> int | None:
    """Return from what answers count the options; None where they are letters or texts.

    Raises:
        UsageError: If answers are numbers, and nothing tells from what they count, or if the
            options are one text and it is not told what parts them.
    """
    assert columns.answer is not None
    numbers: list[tuple[int, int]] = []
    for row in rows:
        try:
            choices, _ = options_of(row, columns, parted_by)
        except MalformedItem as problem:
            _ask_what_parts(row.get(columns.options), parted_by, problem)
            continue
        answer = cell_text(row.get(columns.answer))
        number = whole_number(answer)
        if not choices or not answer:
            continue
        if number is None:
            return None
        texts = {fold(choice.partition(" ")[2]) for choice in choices}
        if fold(answer) in texts:
            return None
        numbers.append((number, len(choices)))
    if not numbers:
        return None
    listed = _listed(columns.options)
    if not isinstance(columns.options, str) and listed[-1][-1].isdecimal():
        return 0 if listed[0].strip()[-1] == "0" else 1
    if all(number < many for number, many in numbers) and any(n == 0 for n, _ in numbers):
        return 0
    if all(number > 0 for number, _ in numbers) and any(n == many for n, many in numbers):
        return 1
    raise UsageError(
        f"The answers are numbers ({numbers[0][0]}, ...), and nothing tells from what they count.",
        remedy="Say the number of the first option: --first-index 0 or --first-index 1.",
    )


def _ask_what_parts(value: object, parted_by: str | None, problem: MalformedItem) -> None:
    text = value if isinstance(value, str) else ""
    likely = [sign for sign in _PARTS if sign in text]
    if parted_by is None and likely and "one text" in str(problem):
        parts = count_of(len(text.split(likely[0])), "option")
        raise UsageError(
            f"The options stand in one text, such as '{text[:80]}'.",
            remedy=f"Say what parts them: --parted-by '{likely[0]}' makes {parts} of it.",
        )
