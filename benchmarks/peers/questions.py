"""The same questions for every harness, and how each is asked them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.overhead import SHARES, write_dataset
from benchmarks.peers.environments import INSIDE, NotRunError
from benchmarks.peers.process import Taken, take
from emoreal_bench.choices import split_choice

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
LM_EVAL_TASKS = {
    # A reply, of which a pattern takes the letter: one request for a question.
    "questions_generate": """\
output_type: generate_until
doc_to_target: "({{answer}})"
generation_kwargs: {until: ["\\n"], do_sample: false}
filter_list:
  - name: letter
    filter:
      - {function: regex, regex_pattern: "(\\\\([A-D]\\\\))"}
      - {function: take_first}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
""",
    # The likelihood of each letter: as many requests as a question has options.
    "questions_likelihood": """\
output_type: multiple_choice
doc_to_choice: "{{ ['A', 'B', 'C', 'D'][:choices | length] }}"
doc_to_target: "{{ 'ABCD'.index(answer) }}"
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
""",
}
_LM_EVAL_QUESTION = (
    "{{question}}\\n"
    "{% for choice in choices %}({{ 'ABCD'[loop.index0] }}) {{choice}}\\n{% endfor %}"
    "Answer with the letter of one option."
)


@dataclass(frozen=True, slots=True)
class Scored:
    """What one harness came to.

    Attributes:
        items: That it scored.
        accuracy: Over all of them.
        taken: By its whole command.
    """

    items: int
    accuracy: float
    taken: Taken


@dataclass(frozen=True, slots=True)
class Questions:
    """One set of questions, as each harness reads it.

    Attributes:
        data: Our data set.
        lines: The questions of our plan, as JSON lines.
        tasks: Folder of the tasks of lm-evaluation-harness.
        expected: What ours comes to.
    """

    data: Path
    lines: Path
    tasks: Path
    expected: Scored


def exported(plan: Path) -> Iterator[Mapping[str, object]]:
    """Yield the questions of a run as it asked them, the letters of the options left out.

    Args:
        plan: Of the run.
    """
    with plan.open(encoding="utf-8") as file:
        for line in file:
            item = json.loads(line)
            options = [split_choice(choice)[1] for choice in item["choices"]]
            kept = {name: item[name] for name in ("id", "question", "answer")}
            yield {**kept, "choices": options}


def make_questions(root: Path, count: int) -> Questions:
    """Write a data set, plan a run over it, and hand its questions on.

    Args:
        root: Empty folder.
        count: Of questions.
    """
    data, lines, tasks = root / "data", root / "questions.jsonl", root / "tasks"
    data.mkdir(parents=True)
    tasks.mkdir()
    write_dataset(data, count)
    expected = run_ours(data, root / "first")
    (plan,) = (root / "first").glob("*/plan.jsonl")
    with lines.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(question) + "\n" for question in exported(plan))
    files = json.dumps({"data_files": {"test": str(lines)}})
    for name, text in LM_EVAL_TASKS.items():
        head = f"task: {name}\ndataset_path: json\ndataset_kwargs: {files}\ntest_split: test\n"
        task = f'{head}doc_to_text: "{_LM_EVAL_QUESTION}"\n{text}'
        (tasks / f"{name}.yaml").write_text(task, encoding="utf-8")
    return Questions(data, lines, tasks, expected)


def ask_ours(questions: Questions, folder: Path) -> Scored:
    """Put the questions to our baseline."""
    return run_ours(questions.data, folder)


def run_ours(data: Path, runs: Path) -> Scored:
    """Run our baseline that takes the first option, and score all that we score."""
    command = [sys.executable, "-m", "emoreal_bench", "run", "--model", "baseline/first-choice"]
    options = ["--task", "emorealm", "--data", data, "--runs", runs, "--quiet"]
    taken = take([*command, *options], {})
    (results,) = runs.glob("*/results.json")
    strict = json.loads(results.read_text(encoding="utf-8"))["scores"]["strict"]
    parts = [strict[name] for name in SHARES if name in strict]
    items = sum(part["n"] for part in parts)
    return Scored(items, sum(part["n"] * part["accuracy"] for part in parts) / items, taken)


def ask_inspect(
    python: Path, questions: Questions, folder: Path, options: tuple[str, ...]
) -> Scored:
    """Put the questions to Inspect AI's own mock of a model, through ``inspect eval``."""
    # It takes the path of a task below the folder that it works in only.
    task = "inspect_task.py"
    command = [python, "-m", "inspect_ai", "eval", task, "-T", f"items={questions.lines}"]
    taken = take([*command, "--log-dir", folder / "logs", *options], OFFLINE, INSIDE)
    (log,) = (folder / "logs").glob("*.eval")
    read = json.loads(take([python, task, log], OFFLINE, INSIDE).printed)
    return Scored(read["items"], read["accuracy"], taken)


def ask_lm_eval(python: Path, questions: Questions, folder: Path, task: str) -> Scored:
    """Put the questions to a free model of lm-evaluation-harness, through its command line."""
    command = [python, INSIDE / "lm_eval_first_choice.py", "run", "--model", "first-choice"]
    where = ["--include_path", questions.tasks, "--output_path", folder / "out", "--log_samples"]
    # The table that its data library makes of the questions is kept from one repeat to the next.
    variables = {**OFFLINE, "HF_HOME": str(questions.tasks.parent / "tables")}
    taken = take([*command, "--tasks", task, *where], variables, folder)
    (results,) = (folder / "out").rglob("results*.json")
    read = json.loads(results.read_text(encoding="utf-8"))
    scores = read["results"][task]
    accuracy = scores["exact_match,letter" if "generate" in task else "acc,none"]
    return Scored(read["n-samples"][task]["effective"], accuracy, taken)


Ask = Callable[[Path, Questions, Path], Scored]


@dataclass(frozen=True, slots=True)
class Side:
    """One way in which one peer is asked.

    Attributes:
        environment: Of the peer.
        settings: In words.
        ask: Asks all questions once, given the interpreter and an empty folder.
    """

    environment: str
    settings: str
    ask: Ask


def _inspect(*options: str) -> Ask:
    return lambda python, questions, folder: ask_inspect(python, questions, folder, options)


def _lm_eval(task: str) -> Ask:
    return lambda python, questions, folder: ask_lm_eval(python, questions, folder, task)


SIDES = (
    Side("inspect-ai", "as it comes", _inspect()),
    Side(
        "inspect-ai",
        "for throughput: 100 connections, no display, no log while it runs",
        _inspect("--max-connections", "100", "--display", "none", "--no-log-realtime"),
    ),
    Side("lm-evaluation-harness", "replies, log of samples", _lm_eval("questions_generate")),
    Side(
        "lm-evaluation-harness",
        "likelihood of each option, log of samples",
        _lm_eval("questions_likelihood"),
    ),
)


def check_same(ours: Scored, theirs: Scored) -> None:
    """Check that a peer scored what we did.

    Raises:
        NotRunError: If it did not; there is nothing to compare then.
    """
    if theirs.items != ours.items or abs(theirs.accuracy - ours.accuracy) > 1e-6:
        raise NotRunError(
            f"scored {theirs.items} items at {theirs.accuracy:.6f}, "
            f"and we {ours.items} at {ours.accuracy:.6f}"
        )
