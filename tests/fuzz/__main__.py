"""The long form of the fuzz suite: ``python -m tests.fuzz``, or a part of it at a time.

Each parser is fuzzed in a process of its own and written into the record when it is done; what
the record has already is not fuzzed again, so that parts may be run one by one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emoreal_bench.record.files import write_atomically
from tests.fuzz.parser import Parser
from tests.fuzz.parsers import all_parsers

ALL_INPUTS, LEAST_INPUTS = 1_000_000, 10_000
RECORD = Path("benchmarks/results/fuzz.json")
_WHOLE_SECONDS = 7_200
_LIBRARIES = ("emoreal-bench", "atheris", "pydantic", "pyyaml", "transformers", "av")


def share_of(parser: Parser, inputs: int = ALL_INPUTS, least: int = LEAST_INPUTS) -> int:
    """Return how many inputs a parser gets, so that they are so many in all.

    Slow parsers get the least; the others share the rest.
    """
    slow = [one.is_slow for _, one in all_parsers()]
    rest = math.ceil((inputs - sum(slow) * least) / (len(slow) - sum(slow)))
    return least if parser.is_slow else max(least, rest)


def fuzz(group: str, parser: Parser, given: argparse.Namespace) -> dict[str, Any]:
    """Fuzz one parser.

    Args:
        group: The module that describes it.
        parser: The parser.
        given: How many inputs, the seed of libFuzzer, and where inputs that failed are kept.

    Returns:
        What the record says of it.
    """
    inputs, kept = given.inputs or share_of(parser), given.kept
    with TemporaryDirectory() as name:
        folder = Path(name)
        command = ("tests.fuzz.guided", group, parser.name, name, str(inputs), str(given.seed))
        code = _run(command, folder)
        found: dict[str, Any] = {"inputs": 0, "failures": {}}
        if (folder / "found.json").is_file():
            found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
        if found["inputs"] < inputs:
            last = (folder / "output").read_text("utf-8", "replace")[-500:]
            found["failures"][f"ended early, code {code}: {last}"] = 1
        for file in (*folder.glob("failure-*"), *folder.glob("hang-*")):
            kept.mkdir(parents=True, exist_ok=True)
            (kept / f"{parser.name.replace('/', ' ')} {file.name}").write_bytes(file.read_bytes())
        lines = _lines(group, parser, folder / "corpus")
    found["inputs_per_second"] = round(found["inputs"] / max(found.pop("seconds", 0.0), 0.01), 1)
    return {**found, "lines_reached": lines[0], "lines": lines[1]}


def _run(command: Sequence[str], folder: Path) -> int:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
    with (folder / "output").open("wb") as output:
        try:
            done = subprocess.run(
                [sys.executable, "-m", *command],
                stdout=output,
                stderr=output,
                env=environment,
                timeout=_WHOLE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return -1
    return done.returncode


def _lines(group: str, parser: Parser, corpus: Path) -> tuple[int, int]:
    command = [sys.executable, "-m", "tests.fuzz.lines", group, parser.name, str(corpus)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(corpus.parent)}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    if done.returncode:
        return 0, 0
    reached, lines = json.loads(done.stdout.splitlines()[-1])
    return reached, lines


def read_record(path: Path) -> dict[str, Any]:
    """Read the record of the parsers that were fuzzed before; an empty one if there is none."""
    if not path.is_file():
        return {"parsers": {}}
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def add_to_record(path: Path, name: str, found: dict[str, Any]) -> None:
    """Put one parser into the record, with the sums of all."""
    parsers = {**read_record(path)["parsers"], name: found}
    order = [parser.name for _, parser in all_parsers() if parser.name in parsers]
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {"python": sys.version.split()[0], **{one: version(one) for one in _LIBRARIES}},
        "inputs": sum(parsers[name]["inputs"] for name in order),
        "failures": sum(sum(parsers[name]["failures"].values()) for name in order),
        "parsers_on_the_list": len(all_parsers()),
        "parsers": {name: parsers[name] for name in order},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, [json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n"])


def main() -> int:
    """Fuzz the parsers of a part that the record does not have yet."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--part", default="1/1", help="as 3/8: every eighth parser from the third")
    options.add_argument("--parser", help="only those whose name holds this")
    options.add_argument("--inputs", type=int, help="for each parser; by default 1,000,000 in all")
    options.add_argument("--record", type=Path, default=RECORD)
    options.add_argument("--kept", type=Path, default=Path("fuzz-failures"), help="failed inputs")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    number, parts = map(int, given.part.split("/"))
    failed = 0
    for group, parser in all_parsers()[number - 1 :: parts]:
        inputs = given.inputs or share_of(parser)
        before = read_record(given.record)["parsers"].get(parser.name)
        if (given.parser or "") not in parser.name or (before and before["inputs"] >= inputs):
            continue
        found = fuzz(group, parser, given)
        add_to_record(given.record, parser.name, found)
        failed += len(found["failures"])
        print(f"{parser.name}: {json.dumps(found, ensure_ascii=False)}", flush=True)  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
