#!/usr/bin/env python3
"""Checks this device against the vectors of the repository: python3 check_vectors.py ../../vectors"""

import json
import math
import re
import sys
from pathlib import Path

import noise
from wire import decode, encode


def load(name):
    return json.loads((Path(sys.argv[1]) / name).read_text(encoding="utf-8"))


def words(values):
    return tuple(int(value, 16) for value in values)


def check_noise():
    data = load("noise.json")
    assert data["streams"] == noise.STREAMS
    for case in data["blocks"]:
        assert noise.threefry(words(case["key"]), words(case["counter"])) == words(case["words"]), case
    for case in data["keys"]:
        key = noise.noise_key(int(case["seed"], 16), case["stream"])
        assert key == words((case["low"], case["high"])), case
    for case in data["uniforms"]:
        key = noise.noise_key(int(case["seed"], 16), case["stream"])
        assert noise.steps(key, case["position"], case["index"]) == int(case["n"], 16), case
    for case in data["draws"]:
        key = noise.noise_key(int(case["seed"], 16), case["stream"])
        for question, n in enumerate(words(case["n"])):
            assert noise.steps(key, case["position"], noise.draw_index(case["attempt"], question)) == n, case
    for case in data["variates"]:
        key = noise.noise_key(int(case["seed"], 16), "race")
        own = noise.variate(key, case["position"], case["token"])
        assert math.isclose(own, case["variate"], rel_tol=1e-14), case
    return sum(map(len, data.values()))


def law_of(case):
    """The law of a row by the table of MATH.md, "From logits to a law": token -> probability."""
    sampling, output = case["sampling"], case["output"]
    row = [float(value) for value in case["logits"]]
    for token in sorted({*case["prompt"], *output}):
        value, repeat = row[token], sampling["repetition_penalty"]
        value = value / repeat if value > 0 else value * repeat
        count = output.count(token)
        row[token] = value - sampling["presence_penalty"] * (count > 0) - sampling["frequency_penalty"] * count
    for token, bias in sampling["bias"]:
        row[token] += float(bias)
    best = max(row)
    if sampling["temperature"] == 0:
        return {row.index(best): 1.0}
    weights = {token: math.exp((value - best) / sampling["temperature"]) for token, value in enumerate(row)}
    falling = sorted((token for token in weights if weights[token] > 0), key=lambda token: (-weights[token], token))
    kept = falling[: sampling["top_k"] or len(falling)]
    total, share, head = sum(weights[token] for token in kept), 0.0, []
    for token in kept:
        if share >= sampling["top_p"] * total or weights[token] < sampling["min_p"] * weights[kept[0]]:
            break
        share += weights[token]
        head.append(token)
    return {token: weights[token] / share for token in head}


def check_races():
    data = load("races.json")
    key = noise.noise_key(int(data["seed"], 16), "race")
    for case in data["cases"]:
        law = law_of(case)
        assert set(law) == {token for token, _ in case["law"]}, case["sampling"]
        assert all(math.isclose(law[token], prob, rel_tol=1e-6) for token, prob in case["law"]), case["sampling"]
        for offset, winner in enumerate(case["winners"]):
            position = case["first_position"] + offset
            assert noise.race_winner(law, key, position) == winner, (case["sampling"], position)
    return len(data["cases"])


def check_hashes():
    data = load("hashes.json")
    for case in data["token_logs"]:
        assert noise.log_hash(case["ids"]) == int(case["hash"], 16), case
    for case in data["block_hashes"]:
        assert tuple(noise.block_hashes(case["texts"])) == words(case["hashes"])
    vocabularies = load("fingerprints.json")["vocabularies"]
    for case in vocabularies:
        own = noise.fingerprint(case["texts"], case["attributes"], case["bos"], case["end_of_text"])
        assert own == case["fingerprint"], case
    return sum(map(len, data.values())) + len(vocabularies)


def check_frames():
    frames = load("frames.json")["frames"]
    for case in frames:
        data = bytes.fromhex(case["hex"])
        kind, fields = decode(data)
        assert kind == case["kind"].replace("-", "_"), case["title"]
        encoded = encode(kind, **fields)
        assert data.startswith(encoded) and ("pad_bytes" in case or data == encoded), case["title"]
        for name, number in re.findall(r"\b(epoch|from|position|version|committed_length): (\d+)", case["text"]):
            assert number in re.findall(rf"'{name}': (\d+)", repr(fields)), (case["title"], name)
    return len(frames)


if __name__ == "__main__":
    for check in (check_noise, check_races, check_hashes, check_frames):
        print(f"{check.__name__}: {check()} vectors")
