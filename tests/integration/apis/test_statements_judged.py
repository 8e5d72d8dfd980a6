"""A model behind a server answers in statements, and another says what they amount to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run as run_command
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from tests.integration.apis.services import ITEMS, VLLM

STATEMENT = "Her face looks happy and her voice sounds angry, so the two are at odds."


def _command(stub: StubServer, *words: str) -> list[str]:
    arguments = {"base_url": stub.address + VLLM.path, **VLLM.arguments}
    settings = (f"--model-arg={name}={value}" for name, value in arguments.items())
    return [*words, "--model", VLLM.model, *settings, "--quiet"]


def test_statements_are_counted_warned_of_judged_and_scored_beside_strict(
    stub: StubServer, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, judged = str(tmp_path / "run"), str(tmp_path / "judged")
    stub.text = STATEMENT
    asked = ["run", "--task", "emorealm", "--data", str(data), "--out", run]
    assert run_command(_command(stub, *asked)) == ExitCode.DONE
    printed = " ".join(capsys.readouterr().out.split())
    assert f"{ITEMS} statement" in printed
    assert f"Statements about what is asked, without yes or no: {ITEMS} of them" in printed

    stub.text = json.dumps({"verdict": "no"})
    before = len(stub.requests)
    command = _command(stub, "judge", run, "--statements", "--out", judged)
    assert run_command(command) == ExitCode.DONE
    sent = stub.requests[before:]
    assert len(sent) == ITEMS
    assert all(STATEMENT in str(request.body) for request in sent)
    capsys.readouterr()

    before = len(stub.requests)
    assert run_command(["score", run, "--judged-by", judged, "--json", "-"]) == ExitCode.DONE
    assert len(stub.requests) == before, "scoring asks no model"
    scores = json.loads(capsys.readouterr().out)["scores"]
    strict, beside = (scores[name]["modality_agreement"] for name in ("strict", "strict-judged"))
    assert (strict["outcomes"]["statement"], strict["outcomes"]["answered"]) == (ITEMS, 0)
    assert (beside["outcomes"]["statement"], beside["outcomes"]["answered"]) == (0, ITEMS)
    assert beside["yes_rate"] == 0.0
