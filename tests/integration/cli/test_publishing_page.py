"""Every command of ``docs/publishing.md`` works as it stands there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.vocabulary import Factor, Origin, PublishedForm

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "publishing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [shlex.split(line) for block in BLOCKS for line in block.splitlines()]


def test_every_command_of_the_page_works_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for program, *arguments in COMMANDS:
        assert program == "emoreal-bench"
        if arguments[0] == "score":
            questions = json.loads(Path("data/synth/emorealm_v1.json").read_text(encoding="utf-8"))
            rows = [f"{one['id']},(A)" for one in questions]
            Path("replies.csv").write_text("\n".join(["id,prediction", *rows]), encoding="utf-8")
        assert run(arguments) == ExitCode.DONE, arguments
    assert "imported/my-lab/my-model" in capsys.readouterr().out
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert {
        "my-model/.eval_results/emorealm-synth.yaml",
        "my-model/README.md",
        "data/synth/croissant.json",
        "data/synth/eval.yaml",
        "page/index.html",
        "site/index.html",
    } <= written
    assert any(name.startswith("store/data/emorealm-synth/tiny/omni/") for name in written)


def test_the_page_names_every_form_and_where_replies_may_come_from() -> None:
    assert all(f"--to {form}" in PAGE for form in PublishedForm)
    assert f"--across {Factor.IMPORTED}" in PAGE
    names = {
        Origin.PREDICTIONS: "JSON",
        Origin.INSPECT: "Inspect AI",
        Origin.LM_EVAL: "lm-evaluation-harness",
        Origin.LMMS_EVAL: "lmms-eval",
    }
    assert names.keys() == set(Origin)
    assert all(f"| {name} |" in PAGE for name in names.values())
