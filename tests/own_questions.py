"""Somebody's own table of questions: options, yes or no, one open question, one with classes."""

from __future__ import annotations

import json
from pathlib import Path

from emoreal_bench import api

_TABLE = """id,clip,subtask,question,option a,option b,option c,answer
q01,one.mp4,audio cue,Which sound goes with it?,a shout,a laugh,a sob,a shout
q02,one.mp4,agreement,Do voice and face agree?,Yes,No,,Yes
q03,two.mp4,audio cue,Which sound goes with it?,a sigh,a laugh,a cry,a laugh
q04,two.mp4,agreement,Do voice and face agree?,Yes,No,,No
q05,three.mp4,agreement,Do voice and face agree?,Yes,No,,Yes
q06,four.mp4,describe,How does she seem to feel?,,,,She seems sad.
q07,four.mp4,emotion,Which emotion does she show?,,,,sadness
"""
_TASK = """schema: 1
name: my-task
version: '1'
title: My task
description: Own questions.
data:
  reader: questions
  options: {annotations: ../questions.csv}
  columns: {options: [option a, option b, option c]}
subtasks:
  audio cue: {answer: choice}
  agreement: {answer: yes_no}
  describe: {answer: open}
  emotion: {answer: label, labels: [happiness, sadness, anger]}
variants:
  answer-format: {description: Says how to answer., prompt: ask.j2}
"""
OPEN, LABEL = "q06", "q07"
REPLIES = {
    "q01": "(A)",
    "q02": "(A)",
    "q03": "(A)",
    "q04": "I'm sorry, but I can't identify emotions of people in videos.",
    "q05": "(A)",
    OPEN: "She seems sad.",
    LABEL: "sadness",
}


class OwnQuestions:
    """A task of seven questions about four clips, which nothing here decodes.

    Args:
        home: Where its files are made.
    """

    def __init__(self, home: Path) -> None:
        self.home, self.runs = home, home / "runs"
        self.clips = home / "clips"
        (home / "my-task").mkdir(parents=True)
        self.clips.mkdir()
        for name in ("one", "two", "three", "four"):
            (self.clips / f"{name}.mp4").write_bytes(name.encode())
        (home / "questions.csv").write_text(_TABLE, encoding="utf-8")
        (home / "my-task" / "my-task.yaml").write_text(_TASK, encoding="utf-8")
        (home / "my-task" / "ask.j2").write_text("{{ question }}\n", encoding="utf-8")
        self.task = str(home / "my-task" / "my-task.yaml")

    def ask(self, model: str) -> Path:
        """Ask a model that needs no clip, and return the run folder."""
        options = api.RunOptions(runs=self.runs)
        report = api.evaluate(model, self.task, self.clips, options)
        assert report.folder is not None
        return report.folder

    def bring(self, name: str, **changes: str | None) -> Path:
        """Import replies under a name, some of them changed or, for None, left out."""
        replies = {key: text for key, text in {**REPLIES, **changes}.items() if text is not None}
        path = self.home / f"{name}.json"
        path.write_text(json.dumps(replies), encoding="utf-8")
        report = api.import_predictions(self.task, path, self.runs, data=self.clips)
        assert report.folder is not None
        return report.folder
