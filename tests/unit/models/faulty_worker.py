"""A worker that behaves as its question says, without the help of any library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def answer(message: dict[str, Any]) -> None:
    words = message["messages"][-1]["parts"][-1]["text"]
    if words == "end":
        sys.stderr.write("out of memory\n")
        sys.exit(3)
    elif words == "hang":
        time.sleep(600)
    elif words == "flood":  # lines that nobody asked for
        while True:
            sys.stdout.write(f"{'x' * 1_000}\n" * 1_000)
    elif words == "endless":
        while True:
            sys.stdout.write("x" * 1_000_000)
    elif words == "rubbish":
        sys.stdout.write("Loading checkpoint shards: 100%\n")
        sys.stdout.flush()
    else:
        odd: dict[str, dict[str, Any]] = {
            "another": {"id": "another"},
            "number": {"mass": "much"},
            "count": {"input_tokens": -(10**9)},
        }
        text = f"(A) {os.getpid()}"
        say({"type": "answer", "id": message["id"], "text": text} | odd.get(words, {}))


if "leave" in sys.argv:  # a child of its own session, which keeps the pipes
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    with Path(sys.argv[-1]).open("a", encoding="ascii") as children:
        children.write(f"{child.pid}\n")

for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "describe":
        say({"type": "description", "protocol": 1, "modalities": ["text"]})
    elif message["type"] == "load":
        if "refuse" in sys.argv:
            sys.exit("no checkpoint here")
        say({"type": "loaded"})
    else:
        answer(message)
