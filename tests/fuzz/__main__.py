"""The long form of the fuzz suite: ``python -m tests.fuzz``, or a part of it at a time.

Each parser is fuzzed in a process of its own and written into the record when it is done; what
the record has without a failure is not fuzzed again. Parts may be run one by one, or at once.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emoreal_bench.record.files import write_atomically
from tests.fuzz.parser import Parser
from tests.fuzz.parsers import GROUPS, all_parsers

ALL_INPUTS, LEAST_INPUTS = 1_000_000, 10_000
RECORD = Path("benchmarks/results/fuzz.json")
_LIBRARIES = ("emoreal-bench", "atheris", "pydantic", "pyyaml", "transformers", "av")


def share_of(parser: Parser, inputs: int = ALL_INPUTS, least: int = LEAST_INPUTS) -> int:
    """Return how many inputs a parser gets, so that they are so many in all.

    Slow parsers get the least; the others share the rest.
    """
    slow = [one.is_slow for _, one in all_parsers()]
    rest = math.ceil((inputs - sum(slow) * least) / (len(slow) - sum(slow)))
    return least if parser.is_slow else max(least, rest)


def fuzz(
    group: str, parsers: Sequence[Parser], given: argparse.Namespace
) -> Iterator[tuple[Parser, dict[str, Any]]]:
    """Fuzz parsers of a group one after the other.

    Args:
        group: The module that describes them.
        parsers: The parsers.
        given: How many inputs, the seed of libFuzzer, and where inputs that failed are kept.

    Yields:
        A parser and what the record says of it.
    """
    with (
        TemporaryDirectory() as name,
        (Path(name) / "output").open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.guided", group],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
        ) as guided,
    ):
        assert guided.stdin is not None and guided.stdout is not None  # noqa: PT018
        for number, parser in enumerate(parsers):
            folder = Path(name) / str(number)
            folder.mkdir()
            inputs = given.inputs or share_of(parser)
            order = {"parser": parser.name, "inputs": inputs, "folder": str(folder)}
            guided.stdin.write(json.dumps({**order, "seed": given.seed}) + "\n")
            guided.stdin.flush()
            code = guided.stdout.readline().strip() or "of the whole group"
            yield parser, _read_found(parser, folder, inputs, code, given.kept)
            shutil.rmtree(folder)


def _read_found(parser: Parser, folder: Path, inputs: int, code: str, kept: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"inputs": 0, "taken": 0, "most_steps": 0, "failures": {}}
    if (folder / "found.json").is_file():
        found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    if found["inputs"] < inputs:
        output = folder / "output"
        last = output.read_text("utf-8", "replace")[-500:] if output.is_file() else ""
        found["failures"][f"ended early, code {code}: {last}"] = 1
    for file in (*folder.glob("failure-*"), *folder.glob("hang-*")):
        kept.mkdir(parents=True, exist_ok=True)
        (kept / f"{parser.name.replace('/', ' ')} {file.name}").write_bytes(file.read_bytes())
    lines = folder / "lines.json"
    reached = json.loads(lines.read_text(encoding="utf-8")) if lines.is_file() else (0, 0)
    found["inputs_per_second"] = round(found["inputs"] / max(found.pop("seconds", 0.0), 0.01), 1)
    return {**found, "lines_reached": reached[0], "lines": reached[1]}


def read_record(path: Path) -> dict[str, Any]:
    """Read the record of the parsers that were fuzzed before; an empty one if there is none."""
    if not path.is_file():
        return {"parsers": {}}
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def add_to_record(path: Path, name: str, found: dict[str, Any]) -> None:
    """Put one parser into the record, with the sums of all; parts may run at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        _write_record(path, name, found)
    finally:
        os.close(folder)


def _write_record(path: Path, name: str, found: dict[str, Any]) -> None:
    parsers = {**read_record(path)["parsers"], name: found}
    order = [parser.name for _, parser in all_parsers() if parser.name in parsers]
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {"python": sys.version.split()[0], **{one: version(one) for one in _LIBRARIES}},
        "inputs": sum(parsers[name]["inputs"] for name in order),
        "failures": sum(sum(parsers[name]["failures"].values()) for name in order),
        "parsers_on_the_list": len(all_parsers()),
        "not_run": [parser.name for _, parser in all_parsers() if parser.name not in parsers],
        "parsers": {name: parsers[name] for name in order},
    }
    write_atomically(path, [json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n"])


def _is_done(before: dict[str, Any] | None, inputs: int) -> bool:
    return before is not None and before["inputs"] >= inputs and not before["failures"]


def main() -> int:
    """Fuzz the parsers of a part that the record does not have yet."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--part", default="1/1", help="as 3/8: every eighth parser from the third")
    options.add_argument("--parser", help="only those whose name holds this")
    options.add_argument("--groups", nargs="+", default=GROUPS, choices=GROUPS)
    options.add_argument("--inputs", type=int, help="for each parser; by default 1,000,000 in all")
    options.add_argument("--record", type=Path, default=RECORD)
    options.add_argument("--kept", type=Path, default=Path("fuzz-failures"), help="failed inputs")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    number, parts = map(int, given.part.split("/"))
    known = read_record(given.record)["parsers"]
    waiting = [
        (group, parser)
        for group, parser in all_parsers()[number - 1 :: parts]
        if (given.parser or "") in parser.name
        and group in given.groups
        and not _is_done(known.get(parser.name), given.inputs or share_of(parser))
    ]
    # Quick ones first: most of them are done when it is broken off.
    waiting.sort(key=lambda one: one[1].is_slow)
    failed = 0
    for (_, group), ones in groupby(waiting, key=lambda one: (one[1].is_slow, one[0])):
        for parser, found in fuzz(group, [parser for _, parser in ones], given):
            add_to_record(given.record, parser.name, found)
            failed += len(found["failures"])
            print(f"{parser.name}: {json.dumps(found, ensure_ascii=False)}", flush=True)  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
