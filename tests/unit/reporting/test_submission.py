"""Entries that others submit."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.catalog import find_task
from emoreal_bench.cli.application import run as command
from emoreal_bench.contracts.errors import EmorealError, ExitCode, RunError
from emoreal_bench.contracts.vocabulary import Outcome
from emoreal_bench.record import files
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.log import seal, unseal
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.reporting.leaderboard import submission
from emoreal_bench.reporting.leaderboard.submission import RefusedEntryError, add_entry
from emoreal_bench.running.results import score_log
from emoreal_bench.scoring.score import results_json
from tests.sealed_files import edit_sealed, plan_was_always_so
from tests.small_emorealm import gold_answers, make_data, write_script


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("honest")
    data = make_data(root / "data", items=60)
    model = write_script(root / "model.json", gold_answers(data), wrong_every=4)
    options = api.RunOptions(out=root / "run")
    api.evaluate(model=model, task="emorealm", data=data, options=options)
    return root / "run"


@pytest.fixture
def entry(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "entry"))


def _rescore(entry: Path) -> None:
    """Do what a forger would: write results that follow from what was changed."""
    (entry / "results.json").write_text(results_json(api.score_run(entry)), encoding="utf-8")


def _problems(entry: Path, to: Path, data: Path | None = None) -> str:
    before = sorted(to.glob("*"))
    with pytest.raises(RefusedEntryError) as caught:
        add_entry(entry, to, data)
    assert sorted(to.glob("*")) == before
    return "\n".join(caught.value.problems)


def test_an_honest_entry_is_taken_in_whole(entry: Path, honest: Path, tmp_path: Path) -> None:
    place = add_entry(entry, tmp_path / "entries", honest.parent / "data")
    assert place.parent == tmp_path / "entries"
    for name in ("manifest.json", "plan.jsonl", "items.jsonl", "results.json", "timings.json"):
        assert (place / name).read_bytes() == (entry / name).read_bytes()
    assert api.build_leaderboard([tmp_path / "entries"], tmp_path / "site").is_file()


def test_a_full_disk_leaves_no_half_of_an_entry(
    entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "entries"
    write, left = files._write_whole, iter((True, True, False))

    def write_while_there_is_room(handle: int, content: bytes) -> None:
        if not next(left):
            write(handle, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(handle, content)

    monkeypatch.setattr(files, "_write_whole", write_while_there_is_room)
    with pytest.raises(RunError, match="No space left"):
        add_entry(entry, to)
    assert list(to.iterdir()) == []
    monkeypatch.undo()
    assert add_entry(entry, to).parent == to


def test_texts_of_questions_may_be_left_out(entry: Path, honest: Path, tmp_path: Path) -> None:
    lines = (entry / "plan.jsonl").read_text(encoding="utf-8").splitlines()
    blank = [json.dumps({**json.loads(line), "question": ""}) for line in lines]
    (entry / "plan.jsonl").write_text("\n".join(blank) + "\n", encoding="utf-8")
    assert add_entry(entry, tmp_path / "entries", honest.parent / "data").is_dir()


@pytest.mark.parametrize("are_hidden", [False, True])
def test_statements_cannot_be_told_without_the_questions_and_their_sum_is_held(
    tmp_path: Path, *, are_hidden: bool
) -> None:
    data = make_data(tmp_path / "data", items=12)
    script = tmp_path / "model.json"
    replies = {"q0": "A number is shown.", "q1": "The number is there.", "q3": "(A)"}
    script.write_text(json.dumps({"replies": replies, "default": "(A)"}), encoding="utf-8")
    entry = tmp_path / "entry"
    options = api.RunOptions(out=entry)
    report = api.evaluate(f"scripted/{script}", "emorealm", data, options)
    strict = report.results.scores["strict"].subtasks
    assert [strict[name].outcomes[Outcome.STATEMENT] for name in sorted(strict)] == [1, 0, 1]
    lines = (entry / "plan.jsonl").read_text(encoding="utf-8").splitlines()
    blank = [json.dumps({**json.loads(line), "question": ""}) for line in lines]
    (entry / "plan.jsonl").write_text("\n".join(blank) + "\n", encoding="utf-8")

    def hide(record: dict[str, Any]) -> None:
        outcomes = record["scores"]["strict"]["modality_agreement"]["outcomes"]
        outcomes |= {"statement": 0, "answered": outcomes["answered"] + 1}

    if are_hidden:
        edit_sealed(entry / "results.json", hide)
        assert "scores differ" in _problems(entry, tmp_path / "to", data)
    else:
        assert add_entry(entry, tmp_path / "to", data).is_dir()


def test_an_entry_is_not_taken_in_twice(entry: Path, tmp_path: Path) -> None:
    add_entry(entry, tmp_path / "entries")
    with pytest.raises(RunError, match="there already"):
        add_entry(entry, tmp_path / "entries")


def test_a_score_that_does_not_follow_from_the_items_is_refused(
    entry: Path, tmp_path: Path
) -> None:
    def better(record: dict[str, Any]) -> None:
        record["scores"]["strict"]["average_accuracy"] = 0.999

    edit_sealed(entry / "results.json", better)
    assert "do not follow from its items: scores differ" in _problems(entry, tmp_path / "to")


def test_an_edited_reply_is_found_by_its_checksum(entry: Path, tmp_path: Path) -> None:
    log = entry / "items.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"text":""', b'"text":"A"', 1))
    assert "1 lines of its log are damaged" in _problems(entry, tmp_path / "to")


def test_a_resealed_reply_is_found_by_the_scores(entry: Path, tmp_path: Path) -> None:
    log = entry / "items.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    record = unseal(lines[0])
    assert record is not None
    record["text"] = "(B)"
    body = {key: value for key, value in record.items() if key != "crc32"}
    log.write_bytes(b"".join([seal(body), *lines[1:]]))
    assert "do not follow" in _problems(entry, tmp_path / "to")


def test_answers_to_items_that_were_never_planned_are_refused(entry: Path, tmp_path: Path) -> None:
    stranger = {"id": "stranger", "status": "ok", "text": "(A)", "attempts": 1, "seconds": 0.0}
    with (entry / "items.jsonl").open("ab") as log:
        log.write(seal(stranger))
    assert "1 items that its plan does not hold" in _problems(entry, tmp_path / "to")


@pytest.mark.parametrize("name", ["manifest.json", "results.json"])
def test_an_edited_record_is_found_by_its_checksum(entry: Path, tmp_path: Path, name: str) -> None:
    text = (entry / name).read_text(encoding="utf-8")
    assert '"data_hash"' in text or '"limit"' in text
    (entry / name).write_text(text.replace("60", "61"), encoding="utf-8")
    with pytest.raises(RunError, match="its checksum does not fit"):
        add_entry(entry, tmp_path / "to")


def test_an_edited_plan_is_found_by_its_hash(entry: Path, tmp_path: Path) -> None:
    plan = (entry / "plan.jsonl").read_bytes()
    (entry / "plan.jsonl").write_bytes(plan.replace(b'"answer":"A"', b'"answer":"B"', 1))
    with pytest.raises(RunError, match="not those of this run"):
        add_entry(entry, tmp_path / "to")


def test_dropping_hard_items_is_refused(entry: Path, tmp_path: Path) -> None:
    plan = entry / "plan.jsonl"
    plan.write_bytes(b"".join(plan.read_bytes().splitlines(keepends=True)[1:]))
    plan_was_always_so(entry)
    assert "its plan holds 59 different items, its manifest 60" in _problems(entry, tmp_path / "to")


def test_a_task_with_other_rules_is_refused(entry: Path, tmp_path: Path) -> None:
    def easier(record: dict[str, Any]) -> None:
        record["task_definition"]["subtasks"]["modality_agreement"]["chance"] = 0.0

    edit_sealed(entry / "manifest.json", easier)
    assert "its task emorealm is not the one known here" in _problems(entry, tmp_path / "to")


def test_another_prompt_under_the_name_of_a_variant_is_refused(entry: Path, tmp_path: Path) -> None:
    def hint(record: dict[str, Any]) -> None:
        record["request"]["prompt_template"] += " The answer is in the picture."

    edit_sealed(entry / "manifest.json", hint)
    problems = _problems(entry, tmp_path / "to")
    assert "does not ask in the words of variant answer-format" in problems
    assert "its request hash is not that of its request" in problems


def test_a_variant_that_the_task_does_not_have_is_refused(entry: Path, tmp_path: Path) -> None:
    def rename(record: dict[str, Any]) -> None:
        record["request"]["variant"] = "answers-given"

    edit_sealed(entry / "manifest.json", rename)
    assert "has no variant answers-given" in _problems(entry, tmp_path / "to")


def _with_other_right_answers(entry: Path) -> None:
    """Turn every right answer into the given one, and score anew: all of it holds together."""
    items = {item.id: item for item in load_plan_items(entry, load_manifest(entry))}
    blank = {
        record["id"]
        for line in (entry / "items.jsonl").read_bytes().splitlines(keepends=True)
        if (record := unseal(line)) and not record["text"]
    }
    lines = []
    for line in (entry / "plan.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["id"] not in blank and items[record["id"]].answer == "A":
            record["answer"] = "B"
        lines.append(json.dumps(record))
    (entry / "plan.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    plan_was_always_so(entry)
    _rescore(entry)


def test_other_right_answers_are_found_with_the_data(
    entry: Path, honest: Path, tmp_path: Path
) -> None:
    _with_other_right_answers(entry)
    problems = _problems(entry, tmp_path / "to", honest.parent / "data")
    assert "its items or right answers are not those of the data" in problems


def test_other_right_answers_are_found_beside_an_entry_on_the_same_data(
    entry: Path, honest: Path, tmp_path: Path
) -> None:
    add_entry(honest, tmp_path / "to")
    _with_other_right_answers(entry)
    assert "its right answers are not those of" in _problems(entry, tmp_path / "to")


def test_a_link_in_an_entry_is_not_followed(entry: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes((entry / "timings.json").read_bytes())
    (entry / "timings.json").unlink()
    (entry / "timings.json").symlink_to(secret)
    with pytest.raises(RunError, match="not as a plain file"):
        add_entry(entry, tmp_path / "to")


def test_an_entry_that_changes_while_it_is_checked_is_taken_in_as_it_was_checked(
    entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = (entry / "items.jsonl").read_bytes()

    def change_and_score(*arguments: Any) -> Any:
        (entry / "items.jsonl").write_bytes(b"forged")
        (entry / "results.json").unlink()
        (entry / "results.json").symlink_to(tmp_path / "secret")
        return score_log(*arguments)

    monkeypatch.setattr(submission, "score_log", change_and_score)
    place = add_entry(entry, tmp_path / "to")
    assert (place / "items.jsonl").read_bytes() == checked
    assert not (place / "results.json").is_symlink()
    assert list((tmp_path / "to").iterdir()) == [place]


def test_a_file_that_grows_while_it_is_copied_is_refused(
    entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "_refuse_odd_files", lambda entry: None)
    monkeypatch.setattr(submission, "_LARGEST_BYTES", 1_000)
    with pytest.raises(RunError, match=r"entry/.*too large"):
        add_entry(entry, tmp_path / "to")
    assert list((tmp_path / "to").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(
    entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "_refuse_odd_files", lambda entry: None)
    (entry / "plan.jsonl").unlink()
    os.mkfifo(entry / "plan.jsonl")
    with pytest.raises(RunError, match="not a plain file"):
        add_entry(entry, tmp_path / "to")


def test_what_is_wrong_is_told_of_the_entry_and_not_of_its_copy(
    entry: Path, tmp_path: Path
) -> None:
    (entry / "timings.json").write_text("nonsense", encoding="utf-8")
    with pytest.raises(RunError, match=r"entry/timings\.json: The file is damaged"):
        add_entry(entry, tmp_path / "to")


@pytest.mark.parametrize("limit", [0, -5])
def test_a_limit_that_no_run_can_have_is_refused(entry: Path, tmp_path: Path, limit: int) -> None:
    edit_sealed(entry / "manifest.json", lambda record: record.update(limit=limit))
    with pytest.raises(RunError, match="limit"):
        add_entry(entry, tmp_path / "to")


def test_a_run_s_name_cannot_leave_the_folder(entry: Path, tmp_path: Path) -> None:
    edit_sealed(entry / "manifest.json", lambda record: record.update(run_id="../../outside"))
    place = add_entry(entry, tmp_path / "to")
    assert place.parent == tmp_path / "to"
    assert place.name.startswith("outside-")


def test_the_command_refuses_with_the_code_for_invalid_data(
    entry: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["leaderboard", "add", str(entry), "--to", str(tmp_path / "to")]) == 0
    assert "Every score was computed again." in capsys.readouterr().out
    (entry / "plan.jsonl").write_text("nonsense", encoding="utf-8")
    code = command(["leaderboard", "add", str(entry), "--to", str(tmp_path / "to")])
    assert code == ExitCode.INCOMPLETE
    assert issubclass(RefusedEntryError, EmorealError)


@pytest.mark.parametrize("named", ["{folder}/emorealm.yaml", "{folder}", "own"])
def test_an_entry_brings_no_task_of_its_own_along(
    named: str, entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    shutil.copy(find_task("emorealm").path, own / "emorealm.yaml")
    monkeypatch.chdir(tmp_path)
    for name in ("manifest.json", "results.json"):
        edit_sealed(entry / name, lambda record: record.update(task=named.format(folder=own)))
    assert "is not one that has a name here" in _problems(entry, tmp_path / "entries")
