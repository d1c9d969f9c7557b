#!/usr/bin/env python3
"""Trains the SentencePiece BPE tokenizer, or takes one that is there, and turns the corpus into token files.
Line breaks are never pieces of their own: they become the byte token <0x0A>, as in Llama 2."""
import argparse
import io
import shutil
from pathlib import Path

import numpy as np
import sentencepiece
from corpus import split_documents
from model import BOS, EOS


def train_tokenizer(stories, path, threads):
    """Writes the model. Text comes from memory: given files, SentencePiece would store their paths in it."""
    lines = [line for story in stories for line in story.split("\n")]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type="bpe", vocab_size=4096, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True, split_digits=True,
        character_coverage=1.0, unk_id=0, bos_id=BOS, eos_id=EOS, pad_id=-1, max_sentence_length=20000,
        num_threads=threads, input_sentence_size=60000, shuffle_input_sentence=True, minloglevel=1,
    )
    path.write_bytes(model.getvalue())


def write_tokens(path, stories, processor):
    """Each story becomes <s> tokens </s>."""
    ids = [token for story in stories for token in (BOS, *processor.encode(story), EOS)]
    np.array(ids, np.uint16).tofile(path)
    size = sum(len(story.encode()) for story in stories)
    print(f"{path.name}: {len(stories)} stories, {len(ids)} tokens, {size} bytes, {size / len(ids):.3f} bytes a token")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True, help="text file of prepare_corpus.py")
    parser.add_argument("--work", required=True, type=Path, help="folder for tokenizer.model, train.bin and val.bin")
    parser.add_argument("--model", help="use this tokenizer.model instead of training one")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    train, held_out = split_documents(Path(arguments.corpus).read_text(encoding="utf8"))
    if arguments.model:
        shutil.copyfile(arguments.model, arguments.work / "tokenizer.model")
    else:
        train_tokenizer(train, arguments.work / "tokenizer.model", arguments.threads)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(arguments.work / "tokenizer.model"))
    write_tokens(arguments.work / "train.bin", train, processor)
    write_tokens(arguments.work / "val.bin", held_out, processor)


if __name__ == "__main__":
    main()
