"""Run the checks on one model and print a line for each, with the reason if it failed.

The exit code is 0, 10 if a check failed, or 2 for a model or an argument that does not exist.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from unittest import FunctionTestCase, TestCase, TestResult

from emoreal_bench.contracts.errors import EmorealError, ExitCode
from emoreal_bench.model_adapters.conformance.checks import AdapterConformance
from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from emoreal_bench.printable import printable

STUB = "{stub}"

_Error = (
    tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
)  # as unittest hands it over


class _Outcome(TestResult):
    """What comes of one check, in words."""

    text = "passed"

    def addSkip(self, test: TestCase, reason: str) -> None:  # noqa: N802 - unittest's name
        super().addSkip(test, reason)
        self.text = f"does not apply: {reason}"

    def addFailure(self, test: TestCase, err: _Error) -> None:  # noqa: N802
        super().addFailure(test, err)
        self.text = f"FAILED: {err[1]}"

    def addError(self, test: TestCase, err: _Error) -> None:  # noqa: N802
        super().addError(test, err)
        self.text = f"FAILED: {type(err[1]).__name__}: {err[1]}"


def run_checks(subject: AdapterConformance) -> bool:
    """Run every check, print what comes of it, and return whether none failed."""
    none_failed = True
    for name in dir(subject):
        if not name.startswith("test_"):
            continue
        check, outcome = getattr(subject, name), _Outcome()
        FunctionTestCase(check).run(outcome)
        none_failed &= outcome.wasSuccessful()
        promise = (check.__doc__ or name).partition("\n")[0].rstrip(".")
        sys.stdout.write(printable(f"{promise}: {outcome.text}") + "\n")
    return none_failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks that the command line asks for.

    Args:
        arguments: Without the program's name; those of the process if None.

    Returns:
        An exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m emoreal_bench.model_adapters.conformance", description=__doc__
    )
    parser.add_argument("model", metavar="PROVIDER/MODEL")
    parser.add_argument(
        "--model-arg",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"argument of the model; {STUB} in it stands for the address of a service on this "
        "machine that speaks the protocols of OpenAI and Google",
    )
    parser.add_argument("--lora", type=Path, metavar="DIR", help="LoRA adapter to put on it")
    parser.add_argument("--deferred", action="store_true", help="ask by files of requests")
    options = parser.parse_args(arguments)
    if wrong := [pair for pair in options.model_arg if "=" not in pair]:
        parser.error(f"--model-arg got '{wrong[0]}', which is not KEY=VALUE")
    subject = AdapterConformance()
    subject.model, subject.lora = options.model, options.lora
    subject.by_jobs = options.deferred
    with ExitStack() as stack:
        address = ""
        if any(STUB in pair for pair in options.model_arg):
            address = stack.enter_context(StubServer()).address
        pairs = (pair.replace(STUB, address).partition("=") for pair in options.model_arg)
        subject.arguments = {key: value for key, _, value in pairs}
        try:
            subject.create().describe()
        except EmorealError as error:
            sys.stderr.write(printable(f"error: {error}") + "\n")
            return error.exit_code
        return ExitCode.DONE if run_checks(subject) else ExitCode.REGRESSION


if __name__ == "__main__":
    sys.exit(main())
