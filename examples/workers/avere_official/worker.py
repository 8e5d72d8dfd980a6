"""AVERE-7B by the authors' own code; see README.md."""

import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from emoreal_worker import UnsupportedError, Worker, delivery, hash_files, only_question, serve

CHECKPOINT = os.environ.get("AVERE_CHECKPOINT", "checkpoint/AVERE-7B")
BACKBONES = os.environ.get("AVERE_BACKBONES", "backbones")


class AvereOfficial(Worker):
    """The released network, preprocessing and prompt, one question at a time."""

    def describe(self):
        return {
            "weights_hash": hash_files(CHECKPOINT, BACKBONES),
            "license": "USC Research License: research and non-profit use only",
            "modalities": ["video", "audio", "text"],
            "repeatability": "best_effort",
            "media": "movie",
            "needs_gpu": True,
        }

    def load(self):
        from avere.mm_utils import get_model_name_from_path
        from avere.model.builder import load_pretrained_model

        name = get_model_name_from_path(CHECKPOINT)
        self.tokenizer, self.model, processors, _ = load_pretrained_model(
            CHECKPOINT, None, name, False, False, device="cuda"
        )
        self.model.eval()
        self.see, self.hear = processors["video"], processors["speech"]

    def generate(self, question):
        import torch

        words, clip = only_question(question, can_sample=True), question.clip
        if clip is None:
            raise UnsupportedError("the authors' code asks about a clip")
        seed = question.settings["seed"]
        random.seed(seed)  # the preprocessing mirrors clips at random
        torch.manual_seed(seed)
        frames = self._tensors(self.see, clip.movie, "pixel_values")
        sound = self._tensors(self.hear, clip.sound, "spectrogram")
        prompt, ids = self._read(words, frames, sound)
        temperature = question.settings["temperature"]
        sampling = {"do_sample": True, "temperature": temperature} if temperature else {}
        with torch.inference_mode():
            written = self.model.generate(
                ids,
                images=frames,
                audios=sound,
                max_new_tokens=question.settings["max_new_tokens"],
                use_cache=False,
                **(sampling or {"do_sample": False}),
            )[0, ids.shape[1] :]
        ended = int(written[-1]) == self.tokenizer.eos_token_id
        return {
            "text": self.tokenizer.decode(written, skip_special_tokens=True).strip(),
            "status": "ok" if ended else "length",
            "input_tokens": int(ids.shape[1]),
            "output_tokens": len(written),
            "delivery": delivery(
                question,
                prompt,
                frames=frames[0].shape[1] if frames else 0,
                audio_seconds=min(clip.audio_seconds, 30.0) if sound else 0.0,
                notes=["half of the clips are mirrored, by the seed"] if frames else [],
            ),
        }

    def _tensors(self, processor, path, key):
        if path is None:
            return None
        import torch

        read = processor([path], return_tensors="pt")[key]
        return [tensor.to(self.model.device, dtype=torch.float16) for tensor in read]

    def _read(self, words, frames, sound):
        """Make the evaluation script's prompt: frames, sound, question."""
        from avere import mm_utils
        from avere.constants import DEFAULT_AUDIO_TOKEN, DEFAULT_IMAGE_TOKEN, IMAGE_TOKEN_INDEX
        from avere.conversation import conv_templates

        marks = ""
        if frames:
            marks += DEFAULT_IMAGE_TOKEN * self.model.get_video_tower().config.num_frames + "\n"
        if sound:
            marks += DEFAULT_AUDIO_TOKEN + "\n"
        talk = conv_templates["llava_v1"].copy()
        talk.append_message(talk.roles[0], marks + words)
        talk.append_message(talk.roles[1], None)
        prompt = talk.get_prompt()
        if frames and sound:
            ids = mm_utils.tokenizer_audio_and_image_token(
                prompt, self.tokenizer, return_tensors="pt"
            )
        elif frames:
            ids = mm_utils.tokenizer_image_token(
                prompt, self.tokenizer, IMAGE_TOKEN_INDEX, return_tensors="pt"
            )
        else:
            ids = mm_utils.tokenizer_audio_token(prompt, self.tokenizer, return_tensors="pt")
        return prompt, ids.unsqueeze(0).to(self.model.device)


if __name__ == "__main__":
    serve(AvereOfficial())
