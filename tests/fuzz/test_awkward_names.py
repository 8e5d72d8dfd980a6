"""Names that no disk can hold, or that are not UTF-8, wherever a command takes a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode
from tests.small_emorealm import make_data

NAMES = {
    "nul": "a\0b",
    "long": "x" * 300,
    "5,000 letters": "x/" * 2_500,
    "not UTF-8": "\udcff\udcfe.json",
    "empty": "",
    "of the parent": "..",
}
# One of each kind of place that a name goes to: a run, a file, a folder to read or to write, an
# argument, and each sort of model.
COMMANDS = (
    "score {}",
    "score --predictions {} --task emorealm --data DATA --label x",
    "check RUN --rules {} --baseline {}",
    "train {}",
    "run --model baseline/random --task {} --data DATA",
    "run --model baseline/random --task emorealm --data {}",
    "run --model baseline/random --task emorealm --data DATA --out {}",
    "run --model baseline/random --task emorealm --data DATA --data-arg annotations={}",
    "run --model scripted/{} --task emorealm --data DATA",
    "run --model hf/{} --task emorealm --data DATA",
    "run --model avere/{} --task emorealm --data DATA",
    "run --model worker/{} --task emorealm --data DATA",
    "run --model http/x --model-arg profile={} --task emorealm --data DATA",
    "run --model tiny/omni --lora {} --task emorealm --data DATA",
    "runs list {}",
    "runs verify {}",
    "runs merge {} {} --out OUT",
    "prefs check {}",
    "leaderboard build {} --out OUT",
    "leaderboard serve {} --port -1",
    "model merge --model hf/{} --lora {} --out OUT",
)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_an_awkward_name_is_no_defect(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_data(tmp_path / "data", items=2)
    monkeypatch.chdir(tmp_path)
    defects = []
    for command in COMMANDS:
        arguments = [
            part.replace("{}", name).replace("DATA", str(data)) for part in command.split()
        ]
        code = run(arguments)
        told = "".join(capsys.readouterr())
        if code == ExitCode.INTERNAL or "Traceback" in told:
            defects.append(f"{command}: {told[-400:]}")
    assert not defects, "\n".join(defects)
