"""What the harness adds to a service's own time, with both SDKs.

A server in a process of its own answers every request after one second. The
same questions are asked twice: by a bare asyncio loop over the SDK, which sends
one clip that it was given ready made, and by a whole run of the harness, which
decodes and encodes every clip, logs and scores. The larger of the ideal
(requests x latency / requests in flight) and the bare loop's time is what the
run is held against.

Usage: python benchmarks/api.py [--requests 4000] [--latency 1] [--in-flight 64]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "api.json"
ROOT = Path(__file__).parent.parent
CLIPS = 100
FRAME_SIZE = (120, 160)
ALLOWED_RATIO = 1.3
QUESTION = "Does the person smile? (A) Yes (B) No"

Ask = Callable[[str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked, and how fast the server is."""

    requests: int
    latency: float
    in_flight: int

    @property
    def ideal_seconds(self) -> float:
        """The time that no client can go below."""
        return self.requests * self.latency / self.in_flight


@dataclass(frozen=True, slots=True)
class Protocol:
    """One SDK.

    Attributes:
        package: Its name.
        model: ``provider/model`` of the run.
        path: Of the server's address.
        connect: Given the address, the number of connections and a clip's file,
            gives the bare call over the SDK and what closes its client.
    """

    package: str
    model: str
    path: str
    connect: Callable[[str, int, bytes], tuple[Ask, Callable[[], Awaitable[None]]]]


def connect_openai(
    address: str, in_flight: int, film: bytes
) -> tuple[Ask, Callable[[], Awaitable[None]]]:
    """Make the bare call of the openai SDK: the frames of a clip, then the question."""
    import av
    import httpx2
    import openai
    from openai.types.chat import ChatCompletionContentPartImageParam

    from emoreal_bench.model_adapters.remote.encoding import encode_jpeg

    transport = openai.DefaultAsyncHttpxClient(limits=httpx2.Limits(max_connections=in_flight))
    client = openai.AsyncOpenAI(
        api_key="none", base_url=address, max_retries=0, http_client=transport
    )

    with av.open(io.BytesIO(film), "r") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    pictures = [base64.b64encode(encode_jpeg(frame.astype("uint8"))).decode() for frame in frames]
    parts = [
        ChatCompletionContentPartImageParam(
            type="image_url", image_url={"url": f"data:image/jpeg;base64,{data}", "detail": "low"}
        )
        for data in pictures
    ]

    async def ask(question: str) -> object:
        return await client.chat.completions.create(
            model="gpt-4o",
            messages=[
                {"role": "user", "content": [*parts, {"type": "text", "text": question}]},
            ],
            max_completion_tokens=32,
            temperature=0.0,
            top_p=1.0,
            seed=0,
        )

    return ask, client.close


def connect_google(
    address: str, in_flight: int, film: bytes
) -> tuple[Ask, Callable[[], Awaitable[None]]]:
    """Make the bare call of the google-genai SDK: a clip, then the question, filters off."""
    import httpx2
    from google import genai
    from google.genai import types

    transport = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=in_flight), timeout=60)
    options = types.HttpOptions(
        base_url=address,
        api_version="v1",
        httpx_async_client=transport,
        retry_options=types.HttpRetryOptions(attempts=1),
    )
    client = genai.Client(vertexai=False, api_key="none", http_options=options)

    clip = types.Part.from_bytes(data=film, mime_type="video/mp4")
    filters = [
        types.SafetySetting(category=category, threshold=types.HarmBlockThreshold.OFF)
        for category in (
            types.HarmCategory.HARM_CATEGORY_HARASSMENT,
            types.HarmCategory.HARM_CATEGORY_HATE_SPEECH,
            types.HarmCategory.HARM_CATEGORY_SEXUALLY_EXPLICIT,
            types.HarmCategory.HARM_CATEGORY_DANGEROUS_CONTENT,
        )
    ]
    config = types.GenerateContentConfig(
        max_output_tokens=32, temperature=0.0, top_p=1.0, seed=0, safety_settings=filters
    )

    async def ask(question: str) -> object:
        content = types.Content(role="user", parts=[clip, types.Part.from_text(text=question)])
        return await client.aio.models.generate_content(
            model="gemini-2.5-flash", contents=content, config=config
        )

    async def close() -> None:
        client.close()
        await transport.aclose()

    return ask, close


PROTOCOLS = (
    Protocol("openai", "openai/gpt-4o", "/v1", connect_openai),
    Protocol("google-genai", "google/gemini-2.5-flash", "", connect_google),
)


def _serve(latency: float, pipe: Connection) -> None:
    sys.path.insert(0, str(ROOT))
    from emoreal_bench.model_adapters.conformance.stub_server import StubServer

    with StubServer() as stub:
        stub.latency = latency
        stub.keeps_requests = False
        pipe.send(stub.address)
        pipe.recv()


@contextmanager
def server(latency: float) -> Iterator[str]:
    """Run the server in a process of its own and give its address."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(latency, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(timeout=30)


def time_bare_loop(protocol: Protocol, address: str, load: Load, film: bytes) -> float:
    """Ask by a bare loop: so many workers, each asking the next question."""

    async def run() -> float:
        ask, close = protocol.connect(address + protocol.path, load.in_flight, film)
        questions = iter(range(load.requests))

        async def work() -> None:
            for number in questions:
                await ask(f"{QUESTION} ({number})")

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(load.in_flight)))
        seconds = time.perf_counter() - started
        await close()
        return seconds

    return asyncio.run(run())


def write_dataset(root: Path, items: int) -> None:
    """Write yes/no questions about small clips in the layout of EmoReAlM."""
    import numpy as np

    from emoreal_bench.model_adapters.remote.encoding import encode_mp4

    generator = np.random.default_rng(1)
    (root / "videos").mkdir(parents=True)
    sound = generator.uniform(-0.1, 0.1, 16_000).astype(np.float32)
    for number in range(CLIPS):
        frames = generator.integers(0, 256, (8, 1, 1, 3), dtype=np.uint8)
        picture = np.broadcast_to(frames, (8, *FRAME_SIZE, 3))
        times = tuple(index / 8 for index in range(8))
        content = encode_mp4(np.ascontiguousarray(picture), times, 1.0, sound)
        (root / "videos" / f"{number}.mp4").write_bytes(content)
    questions = [
        {
            "id": f"modality_agreement_{number}",
            "video": f"{number % CLIPS}.mp4",
            "task": "modality_agreement",
            "question": f"Do voice and face agree in take {number}?",
            "choices": ["(A) Yes", "(B) No"],
            "answer": "AB"[number % 2],
        }
        for number in range(items)
    ]
    (root / "emorealm_v1.json").write_text(json.dumps(questions), encoding="utf-8")


def time_run(protocol: Protocol, address: str, load: Load, data: Path, runs: Path) -> float:
    """Ask by a whole run of the harness, from its plan to its scores.

    Raises:
        RuntimeError: If an item was not answered.
    """
    from emoreal_bench import api

    arguments = {"base_url": address + protocol.path, "concurrency": str(load.in_flight)}
    options = api.RunOptions(model_arguments=arguments, runs=runs)
    started = time.perf_counter()
    report = api.evaluate(protocol.model, "emorealm", data, options)
    seconds = time.perf_counter() - started
    if not report.is_complete:
        raise RuntimeError(f"{protocol.model}: not every request was answered")
    return seconds


def measure(protocol: Protocol, load: Load, data: Path, runs: Path) -> dict[str, object]:
    """Time both ways of asking against a fresh server."""
    with server(load.latency) as address:
        film = (data / "videos" / "0.mp4").read_bytes()
        bare = time_bare_loop(protocol, address, load, film)
        run = time_run(protocol, address, load, data, runs)
    return {
        "sdk": f"{protocol.package} {version(protocol.package)}",
        "bare_loop_seconds": round(bare, 2),
        "run_seconds": round(run, 2),
        "ratio": round(run / max(bare, load.ideal_seconds), 3),
    }


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    load = Load(arguments.requests, arguments.latency, arguments.in_flight)
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        write_dataset(data, load.requests)
        measured = [measure(protocol, load, data, Path(folder) / "runs") for protocol in PROTOCOLS]
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("emoreal-bench", "httpx2", "av")},
        },
        "load_average_before": round(busy, 1),
        "requests": load.requests,
        "latency_seconds": load.latency,
        "in_flight": load.in_flight,
        "clips": CLIPS,
        "ideal_seconds": round(load.ideal_seconds, 2),
        "measured": measured,
        "ratio_allowed": ALLOWED_RATIO,
    }
    print(json.dumps(record, indent=2))
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
