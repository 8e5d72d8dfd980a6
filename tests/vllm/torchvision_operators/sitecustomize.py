"""Lets torchvision be imported over a torch for processors, where only its GPU build is to be had.

Python runs this file at its start if the folder is on ``PYTHONPATH``, in the
processes of the engine too. torchvision describes two compiled operators when
it is imported; a build that does not load lacks them. They select boxes, which
no processor of a video does, so it is enough to declare them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

# Declared for as long as the process runs.
_declared: list[Any] = []


class BeforeTorchvision(MetaPathFinder):
    """Declares the operators when torchvision is first asked for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find nothing; the usual finders do that."""
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            spec = PathFinder.find_spec("torchvision")
            if spec is not None and spec.origin is not None:
                _declare(Path(spec.origin).parent)
        return None


def _declare(folder: Path) -> None:
    import torch

    # The library leaves these functions untyped.
    operators: Any = torch.ops
    make_library: Any = torch.library.Library
    try:
        for file in folder.glob("_C*.so"):
            operators.load_library(str(file))
    except OSError:
        library = make_library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)


sys.meta_path.insert(0, BeforeTorchvision())
