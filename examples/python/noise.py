"""The shared noise of MATH.md, the race of `coupled`, and the hashes of PROTOCOL.md."""

import hashlib
import math

STREAMS = {"race": 0, "accept": 1, "draft": 2, "target": 3, "residual": 4}
_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_WORD = 0xFFFFFFFF


def threefry(key, counter):
    """One block of Threefry-2x32 with 20 rounds: two words of 32 bits."""
    schedule = (key[0], key[1], 0x1BD11BDA ^ key[0] ^ key[1])
    left, right = (counter[0] + schedule[0]) & _WORD, (counter[1] + schedule[1]) & _WORD
    for number in range(20):
        shift = _ROTATIONS[number % 8]
        left = (left + right) & _WORD
        right = ((right << shift | right >> (32 - shift)) & _WORD) ^ left
        if number % 4 == 3:
            injection = (number + 1) // 4
            left = (left + schedule[injection % 3]) & _WORD
            right = (right + schedule[(injection + 1) % 3] + injection) & _WORD
    return left, right


def noise_key(seed, stream):
    return threefry((seed & _WORD, seed >> 32), (STREAMS[stream], 0x70696C6F))


def steps(key, position, index):
    """n of the uniform number (n + 1/2) / 2^52."""
    high, low = threefry(key, (index, position))
    return high << 20 | low >> 12


def draw_index(attempt, question):
    return 256 * attempt + question


def variate(key, position, token):
    """Exponential variate of a token in the race at a position."""
    return -math.log1p(-(steps(key, position, token) + 0.5) * 2.0**-52)


def race_winner(law, key, position):
    """The token with the smallest variate / probability, ties to the lower id. `law`: token -> weight above 0."""
    return min(law, key=lambda token: (variate(key, position, token) / law[token], token))


def log_hash(tokens):
    """FNV-1a with 64 bits over each token as four bytes, lowest first."""
    value = 0xCBF29CE484222325
    for token in tokens:
        for byte in token.to_bytes(4, "little"):
            value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def block_hashes(texts):
    """FNV-1a with 32 bits over the texts of each 256 tokens, each followed by 0xff."""
    hashes = []
    for start in range(0, len(texts), 256):
        value = 0x811C9DC5
        for text in texts[start : start + 256]:
            for byte in text.encode() + b"\xff":
                value = (value ^ byte) * 0x01000193 & _WORD
        hashes.append(value)
    return hashes


def fingerprint(texts, attributes, bos, end_of_text):
    """Of a vocabulary: equal fingerprints, interchangeable token ids."""
    lines = [f"{len(texts)} {'null' if bos is None else bos} {','.join(map(str, end_of_text))}"]
    for text, bits in zip(texts, attributes):
        lines.append(f"{len(text.encode('utf-16-le')) // 2} {text} {bits}")
    return "sha256:" + hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
