#!/usr/bin/env python3
"""Trains the SentencePiece BPE vocabulary of 512 pieces on texts of random views."""
import argparse
import io
from pathlib import Path

import numpy as np
import sentencepiece
from batches import draw_view
from tasks import draw_task

VIEWS, SEED = 3000, 7


def lines(rng):
    for _ in range(VIEWS):
        room, _, _, _, sights = draw_view(rng)
        for kind in ("action", "action", "question", "description"):
            yield from draw_task(rng, room, sights, kind)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True, type=Path, help="folder for tokenizer.model")
    arguments = parser.parse_args()
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines(np.random.default_rng(SEED)), model_writer=model, model_type="bpe", vocab_size=512,
        byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True,
        split_digits=True, character_coverage=1.0, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1,
        minloglevel=1,
    )
    arguments.work.mkdir(parents=True, exist_ok=True)
    (arguments.work / "tokenizer.model").write_bytes(model.getvalue())


if __name__ == "__main__":
    main()
