"""Serves a local model until it is told to stop."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.reporting.site.serving import LOOPBACK, serve
from emoreal_bench.running.loops import run_to_end
from emoreal_bench.serving.application import ChatService, ServiceLimits


class ModelServer:
    """A model that is bound to its port, and answers once :meth:`serve_forever` is called.

    Use it as a context manager, which lets the port go.

    Args:
        adapter: The model; loaded when serving begins.
        port: 0 takes any free one.
        host: Address to listen at. Whoever reaches it may ask the model anything.
        limits: On what is asked.

    Attributes:
        server_port: Where it listens.
        address: What a client is told: up to and including the version.

    Raises:
        UsageError: If the model is a service itself, or the port is taken.
        MissingExtraError: If the server is not installed.
    """

    def __init__(
        self,
        adapter: ModelAdapter,
        port: int = 0,
        host: str = LOOPBACK,
        limits: ServiceLimits | None = None,
    ):
        self._service = ChatService(adapter, limits or ServiceLimits())
        self._server = serve(self._service.application(), port, host)
        self.server_port = self._server.server_port
        named = f"[{host}]" if ":" in host else host
        self.address = f"http://{named}:{self.server_port}/v1"

    @property
    def model(self) -> str:
        """The model's name."""
        return self._service.description.name

    def serve_forever(self, on_ready: Callable[[], object] = lambda: None) -> None:
        """Load the model and answer until :meth:`shutdown`, or Ctrl-C.

        Args:
            on_ready: Called once the model is loaded.
        """
        run_to_end(self._serve(on_ready))

    async def _serve(self, on_ready: Callable[[], object]) -> None:
        async with self._service.opened():
            on_ready()
            await self._server.serve_here()
            # The server library gives Ctrl-C again once it has ended, which cancels this task.
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

    def shutdown(self) -> None:
        """Let :meth:`serve_forever` return."""
        self._server.shutdown()

    def examples(self) -> list[str]:
        """Return commands that ask the model through its address."""
        can = self._service.description.capabilities
        given = {
            "base_url": self.address,
            "takes_video": None if Modality.VIDEO in can.modalities else "false",
            "takes_audio": "true" if Modality.AUDIO in can.modalities else None,
            "top_logprobs": None if can.choice_score_kind else "0",
        }
        arguments = ["--model", f"http/{self.model}"]
        for name, value in given.items():
            arguments += [] if value is None else ["--model-arg", f"{name}={value}"]
        sees_or_hears = set(can.modalities) - {Modality.TEXT}
        only_words = [] if sees_or_hears else ["--modalities", "t"]
        return [
            shlex.join(["emoreal-bench", "doctor", *arguments, "--ask"]),
            shlex.join(["emoreal-bench", "run", *arguments, *only_words, "--limit", "20"]),
        ]

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.__exit__(kind, error, trace)
