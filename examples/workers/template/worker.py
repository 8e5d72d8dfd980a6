"""Fill in the places marked with ``...`` and remove what your model does not have."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from emoreal_worker import Worker, delivery, hash_files, only_question, serve

CHECKPOINT = os.environ.get("CHECKPOINT", "")


class Template(Worker):
    """..."""

    def describe(self):
        # Asked before load, in a process that may end after it: import nothing heavy here.
        return {
            "weights_hash": hash_files(CHECKPOINT),
            "modalities": ["video", "audio", "text"],
            "repeatability": "same_batch",  # "exact", "best_effort" or "none"
            "media": "frames",  # or "movie"
            "needs_gpu": True,
        }

    def load(self):
        self.model = ...

    def generate(self, question):
        clip = question.clip
        prompt = only_question(question)
        reply = ...
        return {
            "text": reply,
            # "length" where the limit on new tokens ended the reply.
            "status": "ok",
            "delivery": delivery(
                question,
                prompt,
                frames=len(clip.frames) if clip else 0,
                audio_seconds=clip.audio_seconds if clip else 0.0,
                notes=[],
            ),
        }


if __name__ == "__main__":
    serve(Template())
