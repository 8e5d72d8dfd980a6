"""Runs of the scripted model in processes of their own, so that they can be killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.run_record import ITEMS_FILE, RESULTS_FILE
from emoreal_bench.record.log import read_log

ITEMS = 150
SUBTASKS = ("modality_agreement", "reasoning_stress_audio", "reasoning_stress_video")


@dataclass(frozen=True, slots=True)
class ScriptedRun:
    """A run that is started, killed and started again.

    Attributes:
        home: Holds the data, the script and the run.
    """

    home: Path

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.home / "run"

    @property
    def log(self) -> Path:
        """The log of the run."""
        return self.folder / ITEMS_FILE

    def results(self) -> bytes:
        """Give the bytes of ``results.json``."""
        return (self.folder / RESULTS_FILE).read_bytes()

    def finished(self) -> set[str]:
        """Give the ids of the sound lines of the log."""
        return {record["id"] for record in read_log(self.log)}

    def asked(self) -> list[str]:
        """Give the ids of all items asked so far, as the model noted them."""
        record = self.home / "asked"
        return record.read_text().split() if record.exists() else []

    def start(
        self, largest_file: int | None = None, more: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Start the command; it continues what is there.

        Args:
            largest_file: Bytes that a file may have in the new process.
            more: Options of the command.
        """
        program = "from emoreal_bench.cli import main; main()"
        if largest_file is not None:
            limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({largest_file}, {largest_file}))"
            program = f"import resource; {limit}; {program}"
        return subprocess.Popen(
            [
                *(sys.executable, "-c", program, "run"),
                *("--model", f"scripted/{self.home / 'script.json'}"),
                *("--model-arg", f"record={self.home / 'asked'}"),
                *("--task", "emorealm", "--data", str(self.home / "data")),
                *("--out", str(self.folder), "--quiet", "--json"),
                *more,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, more: Sequence[str] = ()) -> None:
        """Run to the end."""
        process = self.start(more=more)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors


def make_scripted_run(
    home: Path, delay: float = 0.0, *, failing: bool = True, count: int = ITEMS
) -> ScriptedRun:
    """Write a data set of the layout of EmoReAlM and a script that answers it.

    Args:
        home: A new folder.
        delay: Seconds that the model takes for an item.
        failing: Whether an item fails once. Each copy of a model counts that for itself.
        count: How many items, three to a clip.
    """
    videos = home / "data" / "videos" / "part_1"
    videos.mkdir(parents=True)
    items = []
    for number in range(count):
        clip = number // 3
        (videos / f"{clip}.mp4").write_bytes(f"clip {clip}".encode())
        items.append(
            {
                "id": f"item-{number}",
                "video": f"part_1/{clip}.mp4",
                "task": SUBTASKS[number % 3],
                "question": f"Is it so, number {number}?",
                "choices": ["(A) Yes", "(B) No"],
                "answer": "AB"[number % 2],
            }
        )
    (home / "data" / "emorealm_v1.json").write_text(json.dumps(items))
    # Right, wrong and unreadable replies, so that a lost or doubled one would show.
    replies = {f"item-{n}": ("(A)", "(B) No", "I cannot say", "yes")[n % 4] for n in range(count)}
    script: dict[str, Any] = {"replies": replies, "delay": delay, "batch_size": 4}
    if failing:
        script["fail_first"] = {"item-7": 1}
    (home / "script.json").write_text(json.dumps(script))
    return ScriptedRun(home)
