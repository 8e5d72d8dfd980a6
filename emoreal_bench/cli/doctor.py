"""``emoreal-bench doctor``: is everything there?"""

from __future__ import annotations

import typer

from emoreal_bench.cli import options
from emoreal_bench.cli.output import print_json, show
from emoreal_bench.contracts.errors import UsageError

EXAMPLES = "Example: `emoreal-bench doctor --model hf/Qwen/Qwen2.5-Omni-7B`"


@options.grouped
def doctor(
    *,
    model: str | None = typer.Option(
        None, "--model", "-m", help="Also check what this model needs."
    ),
    loading: options.ModelSettings,
    ask: bool = typer.Option(
        False, "--ask", help="Send the model a tiny question per modality, and see what it takes."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show what is installed, what is missing and how to get it."""
    from emoreal_bench import api

    if ask and model is None:
        raise UsageError("--ask needs --model.")
    findings = api.doctor(model, loading.arguments(), loading.lora, ask=ask)
    if as_json:
        print_json([finding.as_record() for finding in findings])
    else:
        for finding in findings:
            show(f"{'ok     ' if finding.fine else 'MISSING'} {finding.what}: {finding.detail}")
    raise typer.Exit(0 if all(finding.fine or finding.optional for finding in findings) else 3)
