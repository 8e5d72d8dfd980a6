"""When, where and with what a figure came about: the beginning of every record."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

_LIBRARIES = ("emoreal-bench", "torch", "transformers")


def provenance() -> dict[str, Any]:
    """Return the date, the machine and the versions of what decides figures."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
        },
        "versions": {name: version(name) for name in _LIBRARIES},
    }
