"""Naive DPO is TRL's DPO, on the same batch of the same model. Runs where TRL is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from emoreal_bench.training.objectives.losses import naive_dpo

BETA = 0.3
PAIRS = [("ab", "cde", "ba"), ("c", "a", "deaab"), ("dd", "e", "c")]


def make_tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {token: number for number, token in enumerate(["<pad>", "</s>", *"abcde"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    # The library leaves its constructor untyped.
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>"
    )


def make_trainer(folder: Path) -> Any:
    """Make TRL's trainer on a tiny model whose adapter already says something."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import DPOConfig, DPOTrainer

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=7,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        pad_token_id=0,
        eos_token_id=1,
    )
    trainer = DPOTrainer(
        model=LlamaForCausalLM(config),
        args=DPOConfig(
            output_dir=str(folder),
            beta=BETA,
            per_device_train_batch_size=len(PAIRS),
            use_cpu=True,
            report_to="none",
            gradient_checkpointing=False,
            bf16=False,
        ),
        processing_class=make_tokenizer(),
        train_dataset=Dataset.from_list(
            [dict(zip(("prompt", "chosen", "rejected"), pair, strict=True)) for pair in PAIRS]
        ),
        peft_config=LoraConfig(r=2, target_modules=["q_proj", "v_proj"]),
    )
    for name, weight in trainer.model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.5)
    return trainer


def score(network: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Give each row's log-probability of its answer."""
    logits = network(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    following = batch["input_ids"][:, 1:, None]
    scores = logits[:, :-1].log_softmax(-1).gather(-1, following).squeeze(-1)
    summed: torch.Tensor = (scores * batch["completion_mask"][:, 1:]).sum(-1)
    return summed


def test_naive_dpo_is_the_loss_of_trl(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    trainer = make_trainer(tmp_path)
    batch = next(iter(trainer.get_train_dataloader()))
    theirs = trainer.compute_loss(trainer.model, batch)
    names = ("chosen", "rejected")
    with torch.no_grad():
        policy = dict(zip(names, score(trainer.model, batch).chunk(2), strict=True))
        with trainer.model.disable_adapter():
            reference = dict(zip(names, score(trainer.model, batch).chunk(2), strict=True))
    ours, _ = naive_dpo(policy, reference, beta=BETA)
    assert abs(float(theirs.detach()) - 0.6931) > 0.001
    assert float(ours.mean()) == pytest.approx(float(theirs.detach()), abs=1e-5)
