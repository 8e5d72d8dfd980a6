"""VideoLLaMA2.1-7B-AV; see README.md."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from emoreal_worker import UnsupportedError, Worker, delivery, hash_files, only_question, serve

CHECKPOINT = os.environ.get("CHECKPOINT", "VideoLLaMA2.1-7B-AV")
FRAMES = 16
MAX_SECONDS = 30.0


class VideoLlama2(Worker):
    """The audio-visual branch, through ``model_init`` and ``mm_infer``."""

    def describe(self):
        return {
            "weights_hash": hash_files(CHECKPOINT),
            "license": "Apache-2.0",
            "modalities": ["video", "audio", "text"],
            "repeatability": "best_effort",
            "media": "movie",
            "needs_gpu": True,
        }

    def load(self):
        from videollama2 import model_init

        self.model, self.processors, self.tokenizer = model_init(CHECKPOINT)
        # A modality is switched off by taking its tower away.
        self.towers = {
            name: getattr(self.model.model, name) for name in ("vision_tower", "audio_tower")
        }

    def generate(self, question):
        from videollama2 import mm_infer

        words, clip = only_question(question), question.clip
        if clip is None:
            raise UnsupportedError("the authors' code asks about a clip")
        if clip.movie:
            fed = self.processors["video"](clip.movie, va=clip.sound is not None)
        else:
            fed = self.processors["audio"](clip.sound)
        self.model.model.vision_tower = self.towers["vision_tower"] if clip.movie else None
        self.model.model.audio_tower = self.towers["audio_tower"] if clip.sound else None
        text = mm_infer(
            fed,
            words,
            model=self.model,
            tokenizer=self.tokenizer,
            modal="video" if clip.movie else "audio",
            do_sample=False,
            max_new_tokens=question.settings["max_new_tokens"],
        )
        return {"text": text, "delivery": self._delivery(question, words, clip)}

    def _delivery(self, question, words, clip):
        notes = ["whether the limit on new tokens ended the reply is not told"]
        frames = min(len(clip.timestamps), FRAMES) if clip.movie else 0
        if clip.movie and len(clip.timestamps) != FRAMES:
            notes.append(
                f"{FRAMES} frames are read from {len(clip.timestamps)}; what lacks is black"
            )
        if clip.sound and clip.movie:
            notes.append("of the sound eight pieces of 2 s are heard, which overlap in short clips")
        elif clip.audio_seconds > MAX_SECONDS:
            notes.append("of the sound 30 s from a random place are heard")
        return delivery(
            question,
            words,
            frames=frames,
            audio_seconds=min(clip.audio_seconds, 16.0 if clip.movie else MAX_SECONDS),
            notes=notes,
        )


if __name__ == "__main__":
    serve(VideoLlama2())
