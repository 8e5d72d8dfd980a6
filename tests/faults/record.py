"""Breaks the commands off many times, and writes down what came of it.

``python -m tests.faults.record --kills 1000 --part 1/10`` breaks off as often as a tenth of a
thousand needs, appends a line to kills.jsonl and brings the table of docs/reliability.md up to
date. Without ``--part`` all parts are given that the record lacks, so that the same command goes
on where it was stopped. It needs Linux.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from emoreal_bench.version import __version__
from tests.faults.breaking import WAYS, Workplace
from tests.faults.commands import COMMANDS, Command, Given, make_wanted
from tests.faults.fork_server import ROOT, ForkServer

RECORD = Path(__file__).with_name("kills.jsonl")
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- kills: begin -->\n", "<!-- kills: end -->"
WRITING = "SIGKILL while writing"
"""At a step of writing that is chosen at random, which moments of the clock seldom hit."""
ALL_WAYS = (*WAYS, WRITING)
MOST_OF_ONE = 6
"""Kills of one command before it is given to its end."""

Count = Counter[str]


@dataclass
class Breaking:
    """Breaks one command off, series by series.

    A series is a new folder, some kills, the command given to its end, and the comparison with
    what it writes unbroken.

    Attributes:
        one: The command.
        choice: Of ways and moments.
        kills: How often each way came before the end.
        failures: What did not hold.
    """

    one: Command
    given: Given
    server: ForkServer
    home: Path
    choice: random.Random
    kills: Count = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _series: int = 0

    def __post_init__(self) -> None:
        with redirect_stdout(StringIO()):
            make_wanted(self.one, self.given)
        self._unbroken = self._place("unbroken")
        self._unbroken.finish()
        # The first may have waited for imports, this one does not.
        timed = self._place("timed")
        begun = time.monotonic()
        self._steps = timed.finish()
        self._seconds = time.monotonic() - begun
        self._expected = timed.snapshot()
        assert self._expected == self._unbroken.snapshot(), "not the same bytes twice"

    def _place(self, name: str) -> Workplace:
        return Workplace(self.home / name, self.given, self.one, self.server)

    def break_series(self, most: int) -> None:
        """Break off up to so often, give the command to its end, and compare."""
        self._series += 1
        place = self._place(f"series-{self._series}")
        came: Count = Counter()
        failures = len(self.failures)
        try:
            for _ in range(min(most, MOST_OF_ONE)):
                way = self.choice.choice(ALL_WAYS)
                if not self._break(place, way):
                    break  # It came to its end: what is broken off from here on is no work.
                came[way] += 1
            if came:
                place.finish()
            place.assert_as_unbroken(self._unbroken)
        except (AssertionError, ValueError, OSError) as error:
            _tell(traceback.format_exc())
            what = str(error).partition("\n")[0] or type(error).__name__
            self.failures.append(f"{self.one.name}, {dict(came)}: {what}")
        self.kills += came
        if len(self.failures) == failures:
            shutil.rmtree(place.home)

    def _break(self, place: Workplace, way: str) -> bool:
        if way == WRITING:
            return place.kill_at_step("SIGKILL", self.choice.randint(1, self._steps))
        came = place.kill_at(self.choice.uniform(0.0, self._seconds), way)
        # How long a command takes depends on what else the machine does.
        self._seconds *= 1.1 if came else 0.7
        return came


@contextmanager
def breaking_places() -> Iterator[tuple[Given, ForkServer, Path]]:
    with tempfile.TemporaryDirectory() as root, StubServer() as stub, ForkServer() as server:
        given = Given(Path(root) / "given", stub)
        given.root.mkdir()
        yield given, server, Path(root)


def break_part(kills: int, seed: int, breakings: Sequence[Breaking]) -> dict[str, Any]:
    """Break commands off so often in all, each about as often; return what the record is to say."""
    begun = time.monotonic()
    for one in breakings:
        one.choice = random.Random(f"{seed}{one.one.name}")
        one.kills, one.failures = Counter(), []
    while (left := kills - sum(one.kills.total() for one in breakings)) > 0:
        rarest = min(breakings, key=lambda one: (one.kills.total(), one._series))
        rarest.break_series(left)
        _tell(f"{kills - left} of {kills} kills; {rarest.one.name}: {rarest.kills.total()}")
    failures = [failure for one in breakings for failure in one.failures]
    return {
        "ended": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "version": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "seconds": round(time.monotonic() - begun),
        "kills": {one.one.name: dict(sorted(one.kills.items())) for one in breakings},
        "failures": failures,
    }


def code_commit() -> str:
    """Return the commit of the code, with "+" where a file of the program or tests differs."""
    changed = _git("status", "--porcelain", "--", "emoreal_bench", "tests").splitlines()
    others = [line for line in changed if not line.endswith(RECORD.name)]
    return _git("rev-parse", "--short=12", "HEAD").strip() + "+" * bool(others)


def _git(*words: str) -> str:
    told = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    return told.stdout


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def read_record() -> list[dict[str, Any]]:
    """Return the lines of the record, one for each part that came to its end."""
    if not RECORD.exists():
        return []
    return [json.loads(line) for line in RECORD.read_text(encoding="utf-8").splitlines()]


def make_table(record: Iterable[dict[str, Any]]) -> str:
    """Write what the record holds as a table: kills by command and way, failures.

    Of a part that failed and was run again on mended code the last line counts; what failed
    before is told below the table.
    """
    lines, failed = _split(record)
    if not lines:
        return "Nothing is recorded yet.\n"
    kills: dict[str, Count] = {}
    for line in lines:
        for name, counts in line["kills"].items():
            kills.setdefault(name, Counter()).update(counts)
    failures = Counter(text.partition(",")[0] for line in lines for text in line["failures"])
    rows = [
        f"| {' | '.join(['command', *ALL_WAYS, 'all', 'failures'])} |",
        f"|---|{'--:|' * (len(ALL_WAYS) + 2)}",
        *(_row(f"`{name}`", counts, failures[name]) for name, counts in sorted(kills.items())),
        _row("all", sum(kills.values(), Counter()), failures.total()),
    ]
    ended = sorted(line["ended"] for line in lines)
    versions = ", ".join(
        sorted({f"{line['version']} on Python {line['python']}" for line in lines})
    )
    minutes = sum(line["seconds"] for line in lines) / 60
    told = (
        f"{len(lines)} parts from {ended[0]} to {ended[-1]} UTC, {minutes:.0f} minutes, {versions}."
    )
    commits = Counter(line["commit"] for line in lines)
    told_of_code = "Commits: " + ", ".join(
        f"`{commit}` ({number} parts)" for commit, number in commits.items()
    )
    before = [_told_of_failed(line) for line in failed if line["failures"]]
    return (
        "\n".join([told, f"{told_of_code}.", "", *rows, *([""] if before else []), *before]) + "\n"
    )


def _split(record: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the lines that count, and those whose part was run again later."""
    last: dict[str, dict[str, Any]] = {}
    before = []
    for line in record:
        if line["part"] in last:
            before.append(last.pop(line["part"]))
        last[line["part"]] = line
    return list(last.values()), before


def _told_of_failed(line: dict[str, Any]) -> str:
    kills = sum(sum(counts.values()) for counts in line["kills"].values())
    what = "; ".join(line["failures"])
    return (
        f"- Part {line['part']} failed at `{line['commit']}` ({kills} kills, not counted above) "
        f"and was run again: {what}"
    )


def _row(name: str, counts: Count, failures: int) -> str:
    numbers = [*(counts[way] for way in ALL_WAYS), counts.total(), failures]
    return f"| {name} | {' | '.join(map(str, numbers))} |"


def write_table() -> None:
    """Bring the page up to date with the record."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}{make_table(read_record())}{END}{after}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the parts that are wanted, and write each down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="of all parts together")
    parser.add_argument("--parts", type=int, default=10)
    parser.add_argument("--part", action="append", help="only this one: 3/10; repeatable")
    parser.add_argument("--again", action="store_true", help="also parts recorded already")
    parser.add_argument("--command", action="append", help="only this one of the table; repeatable")
    parser.add_argument("--table", action="store_true", help="only write the table anew")
    parser.add_argument("--no-record", action="store_true", help="write nothing down")
    options = parser.parse_args(arguments)
    if options.table:
        write_table()
        return 0
    chosen = [one for one in COMMANDS if not options.command or one.name in options.command]
    parts, wanted = options.parts, tuple(range(1, options.parts + 1))
    if options.part:
        numbers, totals = zip(*(map(int, part.split("/")) for part in options.part), strict=True)
        parts, wanted = totals[0], numbers
    # A part that failed is given again, on mended code.
    done = {line["part"] for line in read_record() if not line["failures"]}
    names = {number: f"{number} of {parts}, {options.kills} kills in all" for number in wanted}
    again = options.again or options.no_record
    missing = [number for number in wanted if again or names[number] not in done]
    failed = 0
    with breaking_places() as (given, server, root):
        commit = code_commit()
        breakings = [
            Breaking(one, given, server, root / f"command-{number}", random.Random())
            for number, one in enumerate(chosen if missing else [])
        ]
        for number in missing:
            share = options.kills * number // parts - options.kills * (number - 1) // parts
            told = break_part(share, number, breakings)
            failed += len(told["failures"])
            _write_down({"part": names[number], "commit": commit, **told}, options.no_record)
    return 1 if failed else 0


def _write_down(line: dict[str, Any], only_tell: bool) -> None:
    _tell(json.dumps(line))
    if not only_tell:
        with RECORD.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(line)}\n")
        write_table()


if __name__ == "__main__":
    sys.exit(main())
