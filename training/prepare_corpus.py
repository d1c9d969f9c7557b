#!/usr/bin/env python3
"""Extracts the short stories of a clone of the public repository erikhyrkas/snakes (MIT) into one clean text file, its
documents separated by a line <|endoftext|>. Reads one commit through git; never touches the clone's working tree."""
import argparse
import hashlib
import re
import subprocess
import unicodedata

COMMIT = "d235dd496dcd99b8898cf14e45aec15720ac58e4"
SHA256 = "8d2a0ec3dd2dbb2ef86aaca7de6079a2aa933f924f6c193df7705d0f60b49515"
# The genres in simple English.
FILES = re.compile(r"training_data/(generated-child|generated-bedtime|llama-slice-of-life)-\d+\.md$")
ASCII = {
    "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": " - ", "\u2026": "...",
    "\u00a0": " ", "\u200b": "", "\ufeff": "",
}
REFUSAL = re.compile(
    r"\b(I can't|I cannot|as an AI|Note:|note:|I'd be happy|Here is|Here's a)|[\[\]{}|<>#`_]|https?:", re.I
)
BOLD_LINE = re.compile(r"\*\*.*\*\*:?")
THE_END = re.compile(r"[*(]*\s*(the end|end|fin|goodnight.*)\W*", re.I)
CHARACTERS_MIN, CHARACTERS_MAX = 200, 12_000
NON_ASCII_SHARE_MAX = 0.002


def git(clone, *arguments):
    return subprocess.run(["git", "-C", clone, *arguments], check=True, capture_output=True).stdout


def is_title(line):
    """A bold line, or a short one without punctuation."""
    return BOLD_LINE.fullmatch(line) or (len(line) < 70 and not re.search(r"[.!?,\"]", line))


def clean(text):
    """One story: ASCII quotes and dashes, no blank lines, no title, no "The End", no asterisks."""
    for typographic, plain in ASCII.items():
        text = text.replace(typographic, plain)
    text = unicodedata.normalize("NFC", text)
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in text.replace("\r", "").split("\n")]
    lines = [line for line in lines if line]
    while lines and is_title(lines[0]):
        lines.pop(0)
    while lines and THE_END.fullmatch(lines[-1]):
        lines.pop()
    return "\n".join(lines).replace("*", "")


def is_wanted(story):
    if not CHARACTERS_MIN <= len(story) <= CHARACTERS_MAX or REFUSAL.search(story):
        return False
    return sum(ord(character) > 126 for character in story) <= NON_ASCII_SHARE_MAX * len(story)


def stories(clone, commit):
    """Yields every cleaned record of the wanted files, wanted or not."""
    names = git(clone, "ls-tree", "-r", "--name-only", commit, "training_data").decode().split("\n")
    for name in sorted(filter(FILES.match, names)):
        for record in git(clone, "show", f"{commit}:{name}").decode("utf8", "replace").split("<end>"):
            if "<start>" in record:
                yield clean(record.split("<start>", 1)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clone", required=True, help="a clone of erikhyrkas/snakes, bare or not")
    parser.add_argument("--commit", default=COMMIT)
    parser.add_argument("--out", required=True, help="the text file to write")
    arguments = parser.parse_args()
    kept, dropped = {}, 0
    for story in stories(arguments.clone, arguments.commit):
        digest = hashlib.sha256(story.encode()).digest()
        if is_wanted(story) and digest not in kept:
            kept[digest] = story
        else:
            dropped += 1
    # Ordered by digest: a shuffle that is the same everywhere. The last 2 % will be held out.
    text = "".join(f"{kept[digest]}\n<|endoftext|>\n" for digest in sorted(kept))
    with open(arguments.out, "w", encoding="utf8", newline="\n") as file:
        file.write(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    print(f"{len(kept)} stories kept, {dropped} dropped, {len(text.encode())} bytes, sha256 {digest}")
    if arguments.commit == COMMIT and digest != SHA256:
        raise SystemExit(f"the bundled models were trained on a text with sha256 {SHA256}")


if __name__ == "__main__":
    main()
