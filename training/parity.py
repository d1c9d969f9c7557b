#!/usr/bin/env python3
"""Reference side of the check against llama.cpp: tokenises texts with SentencePiece and continues prompts greedily in
PyTorch, float32 arithmetic on weights rounded to float16. parity.mjs is the other side."""
import argparse
import json

import sentencepiece
import torch
from model import BOS, EOS, generate
from run import load_model

PROMPTS = [
    "Once upon a time",
    "Once upon a time, in a small village near the sea, there lived a little girl named Lily.",
    "The old clock in the tower had not ticked for 100 years.\nBut tonight,",
    "\"Hello?\" said the fox. \"Is anyone there?\"",
    "In the heart of the forest, a tiny mouse named Max was looking for his lost hat.",
    "It was a cold winter night, and Grandma Rose told the children a story about a dragon who was afraid of the dark.",
]
# Spaces, tabs, line breaks, accents, other scripts, an emoji, digits, and the text of special tokens.
TEXTS = [
    *PROMPTS,
    "  two  spaces\n\n\ttabs, caf\u00e9 \u4f60\u597d \U0001f600 3.14159 & <s> </s> <0x0A>",
    "a",
    " ",
    "",
    "don't stop--ever!!! (why?) \"quoted\" text; semi: colon",
]


@torch.no_grad()
def continue_greedily(model, processor, prompt, count):
    """The new tokens up to the first </s>, and how far the best logit was ahead of the next at each of them."""
    ids = [BOS, *processor.encode(prompt)]
    text = generate(model, torch.tensor([ids]), count)
    best, next_best = model(text)[0, len(ids) - 1 : -1].topk(2).values.unbind(-1)
    tokens = text[0, len(ids) :].tolist()
    tokens = tokens[: tokens.index(EOS) + 1] if EOS in tokens else tokens
    gaps = (best - next_best).tolist()[: len(tokens)]
    return {"prompt": ids, "tokens": tokens, "gaps": [round(gap, 5) for gap in gaps]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", required=True, help="tokenizer.model")
    parser.add_argument("--model", required=True, help="checkpoint, or the GGUF file itself (F16)")
    parser.add_argument("--out", required=True, help="JSON file for parity.mjs")
    parser.add_argument("--tokens", type=int, default=100, help="new tokens per prompt")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    processor = sentencepiece.SentencePieceProcessor(model_file=arguments.tokenizer)
    model = load_model(arguments.model)
    for weight in model.parameters():
        if weight.dim() == 2:
            weight.data = weight.data.half().float()
    reference = {
        "texts": [{"text": text, "tokens": processor.encode(text)} for text in TEXTS],
        "stories": [continue_greedily(model, processor, prompt, arguments.tokens) for prompt in PROMPTS],
    }
    with open(arguments.out, "w", encoding="utf8") as file:
        json.dump(reference, file)
    print(processor.decode(reference["stories"][0]["tokens"]))


if __name__ == "__main__":
    main()
