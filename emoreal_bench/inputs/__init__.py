"""Messages and media into model tensors, shared by adapters and training.

Each model family has one builder. It does all preprocessing itself, so that an
evaluation, a training step and a test feed a model the same numbers whatever
image, video or audio libraries happen to be installed.
"""

from __future__ import annotations


class InputError(ValueError):
    """A request that this model family cannot take; the text says why."""
