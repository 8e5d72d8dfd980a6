"""Fuzzes parsers: libFuzzer keeps the inputs that reach new branches and breaks them further.

``python -m tests.fuzz`` starts it once for a group and writes it an order in a line of JSON for
each parser. A parser is fuzzed in a fork, since libFuzzer ends its process, and to import
everything anew would take longer than most parsers do.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import atheris

# Before anything imports the package: its branches are counted from the first import on.
_counted = partial(
    atheris.instrument_imports, include=["emoreal_bench"], enable_loader_override=False
)
with _counted():
    from tests.fuzz.engine import BrokenPromise, Prepared, memory_bounded
    from tests.fuzz.lines import count_lines
    from tests.fuzz.mutation import FORMS, break_file
    from tests.fuzz.parser import Parser
    from tests.fuzz.parsers import find_parser, parsers_of

_SAVE_EVERY, _COUNT_EVERY = 250, 100
_LONGEST = 1 << 16
"""Or twice as long as the sound file: longer ones reach nothing more, and take most of the time."""
_HANG_SECONDS, _WHOLE_SECONDS = 120, 7_200
"""For what neither steps nor the time of the processor can end: libFuzzer ends the process."""


@dataclass
class Found:
    """What a fuzzing of one parser has come to, written down as it goes."""

    inputs: int = 0
    taken: int = 0
    seconds: float = 0.0
    most_steps: int = 0
    failures: dict[str, int] = field(default_factory=dict)


class Fuzzing:
    """Reads one input after the other, and notes what becomes of it.

    Args:
        parser: What reads them.
        folder: For the corpus, for what failed, and for ``found.json``.
        inputs: How many.
    """

    def __init__(self, parser: Parser, folder: Path, inputs: int):
        self._parser = parser
        self._folder, self._inputs = folder, inputs
        self._found = Found()
        self._prepared = Prepared.make(self._parser, Path(tempfile.mkdtemp(prefix="fuzz-")))
        self._began = time.process_time()
        self.corpus = folder / "corpus"
        self.corpus.mkdir(parents=True, exist_ok=True)
        (self.corpus / "sound").write_bytes(self._prepared.sound)

    def read(self, content: bytes) -> None:
        """Read an input; a failure is kept and the fuzzing goes on."""
        found = self._found
        found.inputs += 1
        try:
            counted = found.inputs % _COUNT_EVERY == 1
            found.taken += self._prepared.read(content, counted=counted)
        except BrokenPromise as error:
            kind = str(error).replace(str(self._prepared.folder), "")[:120]
            if kind not in found.failures:
                (self._folder / f"failure-{len(found.failures)}").write_bytes(content)
            found.failures[kind] = found.failures.get(kind, 0) + 1
        if found.inputs % _SAVE_EVERY == 0 or found.inputs >= self._inputs:
            self._save()

    def mutate(self, content: bytes, most: int, seed: int) -> bytes:
        """Break an input: by its values where it has any, else by its bytes."""
        chooser = Random(seed)
        if chooser.random() < 0.25:
            mutated: bytes = atheris.Mutate(content, most)
            return mutated
        form = FORMS[self._parser.form]
        try:
            broken = break_file(content, form, chooser)
        except Exception:  # noqa: BLE001 - it has no values any more: begin with the sound one
            broken = break_file(self._prepared.sound, form, chooser)
        return broken[:most]

    def _save(self) -> None:
        self._found.seconds = time.process_time() - self._began
        self._found.most_steps = self._prepared.most_steps
        text = json.dumps(asdict(self._found))
        (self._folder / "found.json").write_text(text, encoding="utf-8")


def fuzz(parser: Parser, folder: Path, inputs: int, seed: int) -> None:
    """Fuzz a parser; ends the process."""
    fuzzing = Fuzzing(parser, folder, inputs)
    longest = max(_LONGEST, 2 * (fuzzing.corpus / "sound").stat().st_size)
    arguments: list[Any] = [
        sys.argv[0],
        str(fuzzing.corpus),
        f"-runs={inputs}",
        f"-seed={seed}",
        f"-max_len={longest}",
        f"-timeout={_HANG_SECONDS}",
        f"-max_total_time={_WHOLE_SECONDS}",
        f"-artifact_prefix={folder}/hang-",
        "-rss_limit_mb=0",
        "-verbosity=0",
    ]
    atheris.Setup(arguments, fuzzing.read, custom_mutator=fuzzing.mutate)
    with memory_bounded():
        atheris.Fuzz()


def _in_fork(output: Path, work: Callable[[], None]) -> int:
    """Do something in a process of its own; return the code that it ended with."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        with output.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        work()
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def _count(parser: Parser, folder: Path) -> None:
    reached = count_lines(parser, folder / "corpus")
    (folder / "lines.json").write_text(json.dumps(reached), encoding="utf-8")


def main(group: str) -> None:
    """Fuzz each parser of a group that is ordered, and answer with the code that it ended with."""
    warnings.simplefilter("ignore")
    with _counted():
        parsers_of(group)
    for line in sys.stdin:
        order = json.loads(line)
        parser, folder = find_parser(group, order["parser"]), Path(order["folder"])
        tempfile.tempdir = str(folder)
        output = folder / "output"
        code = _in_fork(output, partial(fuzz, parser, folder, order["inputs"], order["seed"]))
        _in_fork(output, partial(_count, parser, folder))
        print(code, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
