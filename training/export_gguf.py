#!/usr/bin/env python3
"""Writes the checkpoints as GGUF files of F16 matrices and F32 norms, which stock llama.cpp loads."""
import argparse
from pathlib import Path

import sentencepiece
from gguf import vocabulary_entries, write_model
from run import load_model

# The corpus was generated with Llama 3.1, whose licence wants "Llama" at the beginning of the name.
NAMES = {"target": "Llama Stories Target 9M", "draft": "Llama Stories Draft 0.8M"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True, type=Path, help="folder of tokenizer.model, target.pt and draft.pt")
    parser.add_argument("--out", required=True, type=Path, help="folder for stories-{target,draft}-f16.gguf")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(arguments.work / "tokenizer.model"))
    vocabulary = vocabulary_entries(processor)
    for role, name in NAMES.items():
        path = arguments.out / f"stories-{role}-f16.gguf"
        write_model(path, name, load_model(arguments.work / f"{role}.pt"), vocabulary)
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
