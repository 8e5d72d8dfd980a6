"""Workers in processes of their own, well behaved and otherwise."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.worker.adapter import MAX_FAILURES_IN_A_ROW
from emoreal_bench.model_adapters.worker.protocol import MediaForm, write_clip

FAULTY = Path(__file__).parent / "faulty_worker.py"
WORKERS = Path(__file__).parents[3] / "examples" / "workers"
SAMPLE = WORKERS / "sample" / "worker.py"
PUBLISHED = ("avere_official", "videollama2_1_av", "vita_1_5", "emotion_llama")


def make_worker(program: Path, *options: str, **arguments: str) -> ModelAdapter:
    command = shlex.join([sys.executable, str(program), *options])
    return create_adapter("worker/x", {"command": command, **arguments})


def ask(adapter: ModelAdapter, questions: Sequence[str]) -> list[Result]:
    requests = [make_request(str(place), question=text) for place, text in enumerate(questions)]

    async def run() -> list[Result]:
        async with adapter:
            return [result async for result in adapter.generate(requests)]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("end", r"ended without an answer \(out of memory\)"),
        ("hang", "gave no answer within 3 seconds"),
        ("rubbish", "said what is no answer: .*Loading checkpoint shards"),
        ("flood", "said what is no answer: .*xxx"),
        ("endless", "broke off: .*limit"),
        ("another", "answered 'another' when asked '1'"),
        ("count", r"said what is no answer: .*at 'input_tokens'"),
        ("number", r"said what is no answer: .*at 'mass'"),
    ],
)
def test_a_fault_costs_one_question_and_brings_a_fresh_process(fault: str, detail: str) -> None:
    before, failed, after, later = ask(
        make_worker(FAULTY, answer_seconds="3"), ["good", fault, "good", "good"]
    )
    assert [before.status, after.status] == [DeliveryStatus.OK] * 2
    assert failed.status is DeliveryStatus.FAILED
    assert failed.detail is not None
    assert re.search(detail, failed.detail)
    assert before.text != after.text == later.text


def test_a_worker_that_fails_again_and_again_is_left_alone() -> None:
    results = ask(make_worker(FAULTY), ["end"] * MAX_FAILURES_IN_A_ROW + ["good"])
    assert all(result.status is DeliveryStatus.FAILED for result in results)
    assert "left alone" in (results[-1].detail or "")


def test_a_hanging_process_is_ended() -> None:
    async def run() -> int:
        adapter = make_worker(FAULTY, answer_seconds="1")
        async with adapter:
            requests = [make_request("1", question="good"), make_request("2", question="hang")]
            results = [result async for result in adapter.generate(requests)]
        return int(results[0].text.split()[1])

    with pytest.raises(ProcessLookupError):
        os.kill(asyncio.run(run()), 0)


def test_a_worker_that_only_describes_itself_is_out_of_reach_of_ctrl_c_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    notes = tmp_path / "notes"
    starting = (
        "import os, subprocess\n"
        "child = subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL, stderr=-3)\n"
        f"open({str(notes)!r}, 'w').write(f'{{os.getsid(0)}} {{child.pid}}')\n"
    )
    program = tmp_path / "worker.py"
    future, _, rest = FAULTY.read_text().partition("import json\n")
    program.write_text(f"{future}{starting}import json\n{rest}")
    make_worker(program).describe()
    session, child = map(int, notes.read_text().split())
    assert session != os.getsid(0)
    patience = time.monotonic() + 10
    while is_running(child):
        assert time.monotonic() < patience
        time.sleep(0.01)


def is_running(process: int) -> bool:
    """Return whether a process is there and has not ended; its parent may not have noted it."""
    status = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], check=False, capture_output=True, text=True
    )
    return bool(status.stdout.strip()) and not status.stdout.startswith("Z")


def test_a_child_that_keeps_the_pipes_of_a_worker_holds_nobody_up(tmp_path: Path) -> None:
    children = tmp_path / "children"
    try:
        (result,) = ask(make_worker(FAULTY, "leave", str(children)), ["good"])
        assert result.status is DeliveryStatus.OK
        # The child lives for 60 seconds: it was not waited for.
        for child in map(int, children.read_text().split()):
            assert is_running(child) == (sys.platform != "linux")
    finally:
        for child in map(int, children.read_text().split()):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


LEAVING = """
import os, subprocess, sys
def note():
    with open({notes!r}, "a") as notes:
        notes.write(f"{{os.getpid()}}\\n")
# A child in a session of its own, one whose parent is gone, and one that knows nothing of ours.
subprocess.Popen(["sleep", "600"], start_new_session=True, stdout=subprocess.DEVNULL)
for environment in (None, {{}}):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            note()
            os.execve("/bin/sleep", ["sleep", "600"], os.environ if environment is None else {{}})
        os._exit(0)
    os.wait()
"""


def left_running() -> list[str]:
    found = subprocess.run(["pgrep", "-fx", "sleep 600"], capture_output=True, check=False)
    return found.stdout.decode().split()


@pytest.mark.skipif(sys.platform != "linux", reason="no way to find orphans")
@pytest.mark.parametrize("end", ["closed", "hanging", "described", "killed"])
def test_what_a_worker_leaves_in_other_sessions_ends_with_it(end: str, tmp_path: Path) -> None:
    before, notes = left_running(), tmp_path / "notes"
    program = tmp_path / "worker.py"
    future, _, rest = FAULTY.read_text().partition("import json\n")
    program.write_text(f"{future}{LEAVING.format(notes=str(notes))}import json\n{rest}")
    if end == "described":
        make_worker(program).describe()
    elif end == "killed":
        kill_harness_of(program, notes)
    else:
        ask(make_worker(program, answer_seconds="1"), ["good" if end == "closed" else "hang"])
    assert len(notes.read_text().split()) >= 2
    patience = time.monotonic() + 20
    while left_running() != before:
        assert time.monotonic() < patience
        time.sleep(0.05)


def kill_harness_of(program: Path, notes: Path) -> None:
    """Kill a process whose worker hangs, so that it can end nothing itself."""
    source = (
        "from pathlib import Path; from tests.unit.models.test_worker import *;"
        f"ask(make_worker(Path({str(program)!r})), ['hang'])"
    )
    harness = subprocess.Popen([sys.executable, "-c", source])
    while not notes.exists() or len(notes.read_text().split()) < 2:
        assert harness.poll() is None
        time.sleep(0.05)
    harness.kill()
    harness.wait()


def test_a_worker_that_ends_no_line_is_not_read_for_ever(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text("while True: print('x' * 1_000_000, end='')")
    with pytest.raises(UsageError, match="a line of more than 16,777,216 bytes"):
        make_worker(tmp_path / "worker.py").describe()


def test_of_what_a_worker_says_on_standard_error_the_end_is_read(tmp_path: Path) -> None:
    said = "import sys; sys.stderr.write('x' * 1_000_000 + '\\nout of memory\\n'); sys.exit(1)"
    (tmp_path / "worker.py").write_text(said)
    with pytest.raises(UsageError, match=r"ended without an answer \(out of memory\)"):
        make_worker(tmp_path / "worker.py").describe()


def test_no_files_of_clips_are_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def run() -> tuple[list[Result], int]:
        async with make_worker(SAMPLE) as adapter:
            requests = [make_request(str(number), make_clip()) for number in range(2)]
            results = [result async for result in adapter.generate(requests)]
            return results, sum(path.is_dir() for path in tmp_path.glob("*/*"))

    results, left_by_batch = asyncio.run(run())
    assert [result.delivery.frames for result in results] == [8, 8]
    assert left_by_batch == 0
    assert not list(tmp_path.iterdir())


def test_a_worker_that_cannot_load_says_its_last_words() -> None:
    with pytest.raises(UsageError, match=r"ended without an answer \(no checkpoint here\)"):
        ask(make_worker(FAULTY, "refuse"), ["good"])


def test_a_command_that_does_not_exist_is_named() -> None:
    with pytest.raises(UsageError, match=r"cannot be started(.|\n)*no-such-program"):
        create_adapter("worker/x", {"command": "no-such-program"}).describe()


def test_a_program_that_is_no_worker_is_told_from_one() -> None:
    with pytest.raises(UsageError, match="said what is no answer"):
        create_adapter(
            "worker/x", {"command": f"{shlex.quote(sys.executable)} -c print(1)"}
        ).describe()


@pytest.mark.parametrize("count", [-1, 2**53, 10**400])
def test_a_worker_with_an_impossible_number_of_parameters_is_refused(
    count: int, tmp_path: Path
) -> None:
    said = {"type": "description", "protocol": 1, "modalities": ["text"], "parameters": count}
    (tmp_path / "worker.py").write_text(f"input(); print({json.dumps(said)!r})")
    with pytest.raises(UsageError, match="at 'parameters'"):
        make_worker(tmp_path / "worker.py").describe()


def test_a_worker_is_found_in_a_file_and_runs_beside_it(tmp_path: Path) -> None:
    (tmp_path / "workers.yaml").write_text(
        f"mine:\n  command: ['{sys.executable}', worker.py]\n  folder: inside\n"
    )
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "worker.py").write_bytes(FAULTY.read_bytes())
    adapter = create_adapter("worker/mine", {"file": str(tmp_path / "workers.yaml")})
    assert adapter.describe().capabilities.modalities == (Modality.TEXT,)
    with pytest.raises(UsageError, match=r"no worker 'other'(.|\n)*mine"):
        create_adapter("worker/other", {"file": str(tmp_path / "workers.yaml")})


def test_what_older_workers_say_of_themselves_is_passed_over(tmp_path: Path) -> None:
    program = FAULTY.read_text().replace('"modalities"', '"joint": False, "modalities"')
    (tmp_path / "worker.py").write_text(program)
    adapter = create_adapter(
        "worker/mine", {"command": shlex.join([sys.executable, str(tmp_path / "worker.py")])}
    )
    assert adapter.describe().capabilities.modalities == (Modality.TEXT,)


@pytest.mark.parametrize("content", ["mine: {program: x}", "- mine", "mine: {command: []}", "{"])
def test_a_file_that_is_not_as_described_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "workers.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"workers\.yaml"):
        create_adapter("worker/mine", {"file": str(path)})


@pytest.mark.parametrize("arguments", [{}, {"command": "x", "file": "y"}])
def test_it_has_to_be_said_how_to_start_a_worker(arguments: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="one of the arguments command and file"):
        create_adapter("worker/x", arguments)


def test_frames_are_handed_over_without_loss(tmp_path: Path) -> None:
    clip = make_clip()
    record = write_clip(clip, {Modality.VIDEO, Modality.AUDIO}, MediaForm.FRAMES, tmp_path / "clip")
    assert clip.frames is not None
    assert clip.waveform is not None
    for path, expected in zip(record["frames"], clip.frames, strict=True):
        with av.open(path) as container:
            (frame,) = container.decode(video=0)
            np.testing.assert_array_equal(frame.to_ndarray(format="rgb24"), expected)
    with wave.open(record["sound"]) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32_767
    np.testing.assert_allclose(samples, clip.waveform, atol=1e-4)


def test_a_movie_holds_frames_and_sound(tmp_path: Path) -> None:
    wanted = {Modality.VIDEO, Modality.AUDIO}
    record = write_clip(make_clip(), wanted, MediaForm.MOVIE, tmp_path / "clip")
    with av.open(record["movie"]) as container:
        assert sum(1 for _ in container.decode(video=0)) == 8
        assert len(container.streams.audio) == 1


def test_nothing_is_handed_over_that_is_not_asked_for(tmp_path: Path) -> None:
    record = write_clip(make_clip(), {Modality.VIDEO}, MediaForm.MOVIE, tmp_path / "clip")
    assert "sound" not in record
    with av.open(record["movie"]) as container:
        assert not container.streams.audio


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    return tmp_path


def describe_published(worker: str, checkpoint: Path) -> ModelDescription:
    """Ask a worker for its description, in this environment, where its libraries are not."""
    names = ("CHECKPOINT", "CHECKPOINTS", "AVERE_CHECKPOINT", "AVERE_BACKBONES")
    entry = {
        "command": [sys.executable, str(WORKERS / worker / "worker.py")],
        "environment": dict.fromkeys(names, str(checkpoint)),
    }
    file = checkpoint / "workers.yaml"
    file.write_text(json.dumps({worker: entry}))
    return create_adapter(f"worker/{worker}", {"file": str(file)}).describe()


@pytest.mark.parametrize("worker", PUBLISHED)
def test_a_published_worker_describes_itself_without_its_libraries(
    worker: str, checkpoint: Path
) -> None:
    description = describe_published(worker, checkpoint)
    assert {Modality.VIDEO, Modality.AUDIO} <= set(description.capabilities.modalities)
    (checkpoint / "model.safetensors").write_bytes(b"others")
    assert describe_published(worker, checkpoint).weights_hash != description.weights_hash


@pytest.mark.parametrize("worker", PUBLISHED)
def test_a_published_worker_without_weights_says_so(worker: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no weights in"):
        describe_published(worker, tmp_path)


@pytest.mark.parametrize("worker", PUBLISHED)
def test_a_page_says_that_its_worker_has_not_been_run(worker: str) -> None:
    page = (WORKERS / worker / "README.md").read_text()
    assert "has not been run with the weights" in page
    assert "What differs from the authors' use" in page
    assert (WORKERS / worker / "environment.yml").is_file()


REPORTER = """
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked["type"] == "describe":
        settings = {name: 1 for name in os.environ}
        print(json.dumps({"type": "description", "protocol": 1, "modalities": ["text"],
                          "settings": settings}), flush=True)
"""
NEEDED = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "CUDA_VISIBLE_DEVICES", "HF_HOME"}
KEYS = {"OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "CUDA_API_KEY", "XDG_TOKEN"}
OTHERS = {"https_proxy", "PYTHONPATH", "LD_PRELOAD", "SSH_AUTH_SOCK", "DATABASE_URL"}


@pytest.mark.parametrize("named", [set(), {"HF_TOKEN", "DATABASE_URL"}])
def test_a_worker_gets_the_variables_that_it_needs_and_that_its_file_names(
    named: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worker.py").write_text(REPORTER)
    entry = {
        "command": [sys.executable, "worker.py"],
        "folder": ".",
        "environment": {"CHECKPOINT": "a"},
        "inherit": sorted(named),
    }
    (tmp_path / "workers.yaml").write_text(json.dumps({"reporter": entry}))
    for place, name in enumerate(NEEDED | KEYS | OTHERS):
        monkeypatch.setenv(name, os.environ.get(name, f"value number {place}"))
    worker = create_adapter("worker/reporter", {"file": str(tmp_path / "workers.yaml")})
    seen = set(worker.describe().settings)
    assert seen >= NEEDED | named | {"CHECKPOINT"}
    assert seen & (KEYS | OTHERS) == named


@pytest.mark.parametrize("given", ["environment", "inherit"])
def test_no_key_that_a_worker_was_given_comes_back_with_its_description(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "a-key-that-nobody-may-see"
    monkeypatch.setenv("SERVICE_KEY", key)
    said = {"type": "description", "protocol": 1, "modalities": ["text"], "label": f"by {key}"}
    said |= {"settings": {"key": key, "seed": 1}, "versions": {"x": key}, "weights_hash": key}
    (tmp_path / "worker.py").write_text(f"input(); print({json.dumps(said)!r})")
    entry: dict[str, object] = {"command": [sys.executable, "worker.py"], "folder": "."}
    entry |= {"environment": {"SERVICE_KEY": key}} if given == "environment" else {}
    entry |= {"inherit": ["SERVICE_KEY"]} if given == "inherit" else {}
    (tmp_path / "workers.yaml").write_text(json.dumps({"x": entry}))
    description = create_adapter("worker/x", {"file": str(tmp_path / "workers.yaml")}).describe()
    assert description.label == "by ***"
    assert description.settings == {"key": "***", "seed": 1}
    assert key not in repr(description)
