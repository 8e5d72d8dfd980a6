"""A worker that behaves as its question says, without the help of any library."""

from __future__ import annotations

import json
import os
import sys
import time
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
    elif words == "rubbish":
        sys.stdout.write("Loading checkpoint shards: 100%\n")
        sys.stdout.flush()
    elif words == "another":
        say({"type": "answer", "id": "another", "text": "(A)"})
    elif words == "number":
        say({"type": "answer", "id": message["id"], "text": "(A)", "mass": "much"})
    else:
        say({"type": "answer", "id": message["id"], "text": f"(A) {os.getpid()}"})


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
