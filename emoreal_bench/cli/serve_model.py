"""``emoreal-bench serve-model``: a local model behind an endpoint, to try clients without a key."""

from __future__ import annotations

import sys
from contextlib import suppress

import typer

from emoreal_bench.cli import options
from emoreal_bench.cli.output import show_lines, tell

EXAMPLES = (
    "Examples: `emoreal-bench serve-model tiny/omni`, "
    "`emoreal-bench serve-model hf/Qwen/Qwen2.5-Omni-7B --port 8002`"
)
_LOOPBACK = ("127.0.0.1", "localhost")


@options.grouped
def serve_model(
    *,
    model: str = typer.Argument(..., help="provider/model of this machine."),
    loading: options.ModelSettings,
    port: int = typer.Option(8001, min=0, max=65535, help="Port; 0 takes any free one."),
    host: str = typer.Option(
        _LOOPBACK[0], help="Address to listen at. At another than this, others may ask the model."
    ),
) -> None:
    """Serve a local model as OpenAI's Chat Completions, for `http/` models, judges and any client.

    Nobody but this machine can reach it. It takes text, images, sound and video files, and
    answers one request after another.
    """
    from emoreal_bench import api

    with api.make_model_server(
        model, port, host, model_arguments=loading.arguments(), lora=loading.lora
    ) as server:
        if host not in _LOOPBACK:
            tell(
                f"Warning: whoever reaches {host}:{server.server_port} may ask the model anything; "
                "there is no key and no encryption."
            )

        def say_ready() -> None:
            show_lines(
                [
                    f"{server.model} answers at {server.address} (Ctrl-C ends it)",
                    "Try it in another terminal:",
                    *(f"  {command}" for command in server.examples()),
                ]
            )
            sys.stdout.flush()  # Whoever reads it from a pipe waits for it.

        tell(f"Loading {model} ...")
        with suppress(KeyboardInterrupt):  # While the model is loaded; later it is an ordinary end.
            server.serve_forever(say_ready)
        show_lines(["Ended."])
