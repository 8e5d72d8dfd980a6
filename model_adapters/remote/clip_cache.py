"""Clips as files in memory, each encoded once for all questions about it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters.remote.media import EncodedClip, MediaForms, encode_clip


class ClipCache:
    """Keeps the clips that were asked about last.

    Args:
        forms: What the model takes.
        size: Number of clips kept.
    """

    def __init__(self, forms: MediaForms, size: int):
        self._forms = forms
        self._size = size
        self._tasks: OrderedDict[tuple[str, frozenset[Modality]], asyncio.Task[EncodedClip]]
        self._tasks = OrderedDict()

    async def get(self, media: ClipMedia, wanted: frozenset[Modality]) -> EncodedClip:
        """Encode what is wanted of a clip in a thread, or wait for whoever does.

        Raises:
            OSError: If the clip's own file can no longer be read.
        """
        place = (media.key, wanted)
        task = self._tasks.get(place)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(encode_clip, media, wanted, self._forms))
            self._tasks[place] = task
            while len(self._tasks) > self._size:
                self._tasks.popitem(last=False)
        self._tasks.move_to_end(place)
        # Shielded: a request that is given up must not take the clip from the others.
        try:
            return await asyncio.shield(task)
        except OSError:
            self._tasks.pop(place, None)
            raise

    def clear(self) -> None:
        """Forget every clip."""
        self._tasks.clear()
