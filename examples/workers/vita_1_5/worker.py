"""VITA-1.5; see README.md."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from emoreal_worker import Worker, delivery, hash_files, only_question, serve

CHECKPOINT = os.environ.get("CHECKPOINT", "VITA-1.5")
KIND = "qwen2p5_instruct"
MAX_FRAMES = 16
# What stands for silence in the authors' demo: frames of 80 mel values, and tokens.
SILENT_FRAMES, SILENT_TOKENS = 400, 60
TURN_END = "<|im_end|>"
# The model opens a reply with one of these, to say whether it was spoken to.
STATE_MARKS = "\u261e\u261c\u261f"


class Vita(Worker):
    """Frames and sound of a clip, and a written question."""

    def describe(self):
        return {
            "weights_hash": hash_files(CHECKPOINT),
            "license": "Apache-2.0 with exceptions for third-party parts",
            "modalities": ["video", "audio", "text"],
            "repeatability": "best_effort",
            "needs_gpu": True,
        }

    def load(self):
        import torch
        from vita.model.builder import load_pretrained_model
        from vita.util.mm_utils import get_model_name_from_path

        name = get_model_name_from_path(CHECKPOINT)
        self.tokenizer, self.model, _, _ = load_pretrained_model(CHECKPOINT, None, name, KIND)
        self.model.resize_token_embeddings(len(self.tokenizer))
        tower = self.model.get_vision_tower()
        if not tower.is_loaded:
            tower.load_model()
        self.image_processor = tower.image_processor
        encoder = self.model.get_audio_encoder()
        encoder.to(dtype=torch.float16)
        self.audio_processor = encoder.audio_processor
        self.model.eval()

    def generate(self, question):
        import torch

        words, clip = only_question(question), question.clip
        paths = clip.frames[:MAX_FRAMES] if clip else []
        sound = clip.sound if clip else None
        prompt, ids = self._read(words, len(paths), sound is not None)
        with torch.inference_mode():
            output = self.model.generate(
                ids,
                images=self._see(paths),
                audios=self._hear(sound),
                do_sample=False,
                max_new_tokens=question.settings["max_new_tokens"],
                use_cache=True,
                return_dict_in_generate=True,
            )
        written = output.sequences[0, ids.shape[1] :]
        text = self.tokenizer.decode(written, skip_special_tokens=False).strip()
        notes = ["the question is written; the authors' is spoken"] if sound else []
        if clip and len(clip.frames) > MAX_FRAMES:
            notes.append(f"the first {MAX_FRAMES} of {len(clip.frames)} frames are seen")
        return {
            "text": text.partition(TURN_END)[0].strip().lstrip(STATE_MARKS).strip(),
            "status": "ok" if TURN_END in text else "length",
            "input_tokens": int(ids.shape[1]),
            "output_tokens": len(written),
            "delivery": delivery(
                question,
                prompt,
                frames=len(paths),
                audio_seconds=clip.audio_seconds if sound else 0.0,
                notes=notes,
            ),
        }

    def _read(self, words, frames, has_sound):
        from vita.constants import DEFAULT_AUDIO_TOKEN, DEFAULT_IMAGE_TOKEN, IMAGE_TOKEN_INDEX
        from vita.conversation import conv_templates
        from vita.util.mm_utils import tokenizer_image_audio_token, tokenizer_image_token

        asked = DEFAULT_IMAGE_TOKEN * frames + "\n" + words if frames else words
        talk = conv_templates[KIND].copy()
        talk.append_message(talk.roles[0], asked + (DEFAULT_AUDIO_TOKEN if has_sound else ""))
        talk.append_message(talk.roles[1], None)
        prompt = talk.get_prompt("video" if frames else "lang")
        tokenize = tokenizer_image_audio_token if has_sound else tokenizer_image_token
        ids = tokenize(prompt, self.tokenizer, IMAGE_TOKEN_INDEX, return_tensors="pt")
        return prompt, ids.unsqueeze(0).cuda()

    def _see(self, paths):
        import torch
        from PIL import Image, ImageOps

        if not paths:
            return torch.zeros((1, 3, 448, 448), dtype=torch.float16, device="cuda")
        pictures = []
        for path in paths:
            picture = Image.open(path).convert("RGB")
            if getattr(self.model.config, "image_aspect_ratio", None) == "pad":
                side = max(picture.size)
                grey = tuple(int(part * 255) for part in self.image_processor.image_mean)
                picture = ImageOps.pad(picture, (side, side), color=grey)
            read = self.image_processor.preprocess(picture, return_tensors="pt")
            pictures.append(read["pixel_values"][0])
        return torch.stack(pictures).half().cuda()

    def _hear(self, sound):
        import torch

        if sound is None:
            heard, tokens = torch.zeros(SILENT_FRAMES, 80), SILENT_TOKENS
        else:
            heard, tokens = self.audio_processor.process(sound)
        return {
            "audios": heard.unsqueeze(0).half().cuda(),
            "lengths": torch.tensor([heard.shape[0]]).half().cuda(),
            "lengths_for_llm": torch.tensor([tokens]).cuda(),
        }


if __name__ == "__main__":
    serve(Vita())
