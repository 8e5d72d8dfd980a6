"""Fuzzes one parser: libFuzzer keeps the inputs that reach new branches and breaks them further.

Run in a process of its own by ``python -m tests.fuzz``, since libFuzzer ends its process.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

import atheris

# Before anything imports the package: its branches are counted from the first import on.
_counted = partial(
    atheris.instrument_imports, include=["emoreal_bench"], enable_loader_override=False
)
with _counted():
    from tests.fuzz.engine import BrokenPromise, Prepared, memory_bounded
    from tests.fuzz.mutation import FORMS, break_file
    from tests.fuzz.parser import Parser
    from tests.fuzz.parsers import find_parser

_SAVE_EVERY = 250
_LONGEST = 1 << 20
_HANG_SECONDS = 120
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
        self._prepared = Prepared.make(self._parser, Path(mkdtemp(prefix="fuzz-")))
        self._began = time.process_time()
        self.corpus = folder / "corpus"
        self.corpus.mkdir(parents=True, exist_ok=True)
        (self.corpus / "sound").write_bytes(self._prepared.sound)

    def read(self, content: bytes) -> None:
        """Read an input; a failure is kept and the fuzzing goes on."""
        found = self._found
        found.inputs += 1
        try:
            found.taken += self._prepared.read(content)
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


def main(group: str, name: str, folder: str, inputs: str, seed: str) -> None:
    """Fuzz the parser of this name; ends the process."""
    warnings.simplefilter("ignore")
    with _counted():
        parser = find_parser(group, name)
    fuzzing = Fuzzing(parser, Path(folder), int(inputs))
    arguments: list[Any] = [
        sys.argv[0],
        str(fuzzing.corpus),
        f"-runs={inputs}",
        f"-seed={seed}",
        f"-max_len={_LONGEST}",
        f"-timeout={_HANG_SECONDS}",
        f"-artifact_prefix={folder}/hang-",
        "-rss_limit_mb=0",
        "-verbosity=0",
    ]
    atheris.Setup(arguments, fuzzing.read, custom_mutator=fuzzing.mutate)
    with memory_bounded():
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
