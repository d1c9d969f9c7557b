#!/usr/bin/env python3
"""A device for a Pilotfish server: drafts under `greedy` or `coupled` in any mode, resumes after a lost connection.

    python3 device.py "The old clock" --server ws://127.0.0.1:7433 --seed 14 --mode pipeline

Prints the token ids of the answer, or with --vocab its text. Python 3.9 and its standard library; written from
PROTOCOL.md and MATH.md alone.
"""

import argparse
import hashlib
import json
import os
import queue
import random
import sys
import threading
import time

from carrier import Carrier, Closed, Refused
from drafter import NgramDrafter
from gguf import token_texts
from noise import log_hash
from wire import MODES, SCHEMES, decode, encode

REOPEN = {38, 39, 41, 42}  # resume-refused, log-mismatch, session-expired, engine-failed
BUSY = {23, 24, 25}  # sessions-exhausted, server-busy, quota-exceeded
LOST = {1000, 1001, 1006, 4007, 4008, 4009, 4010}  # close codes after which to come again
IMAGE = 2**30  # ids from here on stand for images, which no drafter sees
UNASKED, PART = 65536, 16384  # bytes of pictures that follow Open unasked, and of a part
PROBE_EVERY = 64  # tokens between two drafts of a device that was advised not to draft


class Failed(Exception):
    """The server has ended the session or the connection for good."""


class Link:
    """A greeted connection whose frames a thread collects."""

    def __init__(self, options):
        self.carrier = Carrier(options.server, options.key, options.ca)
        self.frames = queue.Queue()
        threading.Thread(target=self._collect, daemon=True).start()
        self.send("hello", version_min=1, version_max=5, name="example-python")
        kind, self.welcome = self.next()
        if kind == "failure":
            raise Failed(f"{self.welcome['code']}: {self.welcome['message']}")

    def _collect(self):
        try:
            while True:
                self.frames.put(decode(self.carrier.receive()))
        except (Closed, ValueError) as error:
            self.frames.put(("closed", error))

    def send(self, kind, **fields):
        self.carrier.send(encode(kind, **fields))

    def next(self, is_waiting=True):
        """The next frame; None if there is none yet and `is_waiting` is false."""
        try:
            kind, frame = self.frames.get(is_waiting)
        except queue.Empty:
            return None
        if kind == "closed":
            raise frame if isinstance(frame, Closed) else Failed(str(frame))
        return kind, frame


class Device:
    """One answer. `committed` is the prompt and the answer so far, `chain` the drafts behind it."""

    def __init__(self, options):
        self.options = options
        self.link = None
        self.committed, self.chain, self.sent_to = [], [], 0
        self.prompt_length, self.resume_key = None, None
        self.epoch, self.has_sent, self.is_stale = 0, False, False
        self.is_outstanding, self.probed_at = False, 0
        self.advised, self.end = options.draft_length, None
        self.pictures = [read(path) for path in options.image]
        self.follows = sum(map(len, self.pictures)) <= UNASKED  # not again: the server may have kept a part
        self.drafter = NgramDrafter(options.seed, options.temperature == 0)
        self.tally = {"drafted": 0, "accepted": 0, "rejected": 0, "messages_up": 0, "resumptions": 0}

    def run(self):
        """The token ids of the answer."""
        pause = 0.1
        while self.end is None:
            try:
                self.link = Link(self.options)
                self._begin()
                pause = 0.1
                while self.end is None:
                    self._turn()
                self.link.send("close", session=0)
                self.link.carrier.close()
            except (Closed, OSError) as error:
                if isinstance(error, Closed) and error.code not in LOST:
                    raise Failed(str(error)) from error
                if self.link is None and pause > 5:
                    raise Failed(f"no server: {error}") from error
                time.sleep(pause * random.uniform(0.5, 1))
                pause = min(2 * pause, 5)
        return self.committed[self.prompt_length :]

    def _begin(self):
        if self.resume_key is None:
            self._open()
        else:
            length = len(self.committed)
            hashed = log_hash(self.committed)
            self._send("resume", resume_key=self.resume_key, committed_length=length, log_hash=hashed)
        while not self._take(*self.link.next()):
            pass

    def _open(self):
        options = self.options
        prompt = {"prompt_text": options.prompt}
        if self.pictures:  # their places are in a message
            if not self.link.welcome["sees_pictures"]:
                raise Failed("the model of the server takes no pictures")
            refs = [{"hash": hashlib.sha256(file).digest(), "bytes": len(file)} for file in self.pictures]
            messages = [{"role": "user", "content": options.prompt}]
            prompt = {"prompt_messages": {"messages": messages}, "pictures": refs, "pictures_follow": self.follows}
            prompt["answer"] = self.committed[self.prompt_length or 0 :]
        elif self.prompt_length is not None:  # the session is lost: the committed tokens go along
            ids = self.committed[: self.prompt_length]
            prompt = {"prompt_ids": {"ids": ids}, "answer": self.committed[self.prompt_length :]}
        sampling = {
            "temperature": options.temperature, "top_k": options.top_k, "top_p": options.top_p,
            "min_p": options.min_p, "repetition_penalty": 1, "presence_penalty": 0, "frequency_penalty": 0,
        }  # fmt: skip
        self.epoch, self.has_sent, self.is_stale = 0, False, False
        self.is_outstanding, self.chain, self.sent_to = False, [], len(self.committed)
        self._send(
            "open", **prompt, sampling=sampling, seed=options.seed, scheme=SCHEMES[options.scheme],
            mode=MODES[options.mode], tokens_max=options.max_tokens, window_max=options.window,
        )  # fmt: skip
        if self.follows:
            self._show([{"index": index, "offset": 0} for index in range(len(self.pictures))])
        self.follows = False

    def _show(self, wanted):
        """Sends what the server lacks of the pictures."""
        for want in wanted:
            file = self.pictures[want["index"]]
            for offset in range(want["offset"], len(file), PART):
                self._send("picture_part", index=want["index"], offset=offset, data=file[offset : offset + PART])

    def _send(self, kind, **fields):
        self.tally["messages_up"] += 1
        self.link.send(kind, session=0, **fields)

    def _turn(self):
        """Takes the frames that have come; drafts and sends; waits where there is nothing else to do."""
        frame = self.link.next(is_waiting=False)
        if frame is not None or not self._draft():
            self._take(*(frame or self.link.next()))

    def _take(self, kind, frame):
        """Applies a frame. Returns whether the session goes on from it."""
        if kind == "opened":
            self.resume_key = frame["resume_key"]
            ids = list(frame["prompt_ids"])
            for image in frame["images"]:
                for at in range(image["count"]):
                    ids[image["from"] + at] = image["first_id"] + at
            if self.prompt_length is None:
                self.prompt_length = frame["prompt_length"]
                self.committed = ids
                self.sent_to = len(self.committed)
            elif ids:  # images have other ids on another server
                self.committed[: self.prompt_length] = ids
        elif kind == "pictures_wanted":
            self._show(frame["wanted"])
        elif kind == "resumed":
            self.tally["resumptions"] += 1
            self.committed += frame["tokens"]
            self.epoch = max(self.epoch, frame["epoch"]) + 1  # what was in flight is lost
            self.chain, self.sent_to, self.is_stale, self.is_outstanding = [], len(self.committed), False, False
        elif kind == "verdict":
            self._verdict(frame)
        elif kind == "failure":
            return self._failure(frame)
        return kind in ("opened", "resumed", "verdict")

    def _failure(self, frame):
        text = f"{frame['code']}: {frame['message']}"
        if "session" not in frame or frame["code"] not in REOPEN | BUSY or self.options.no_reopen:
            raise Failed(text)
        self.resume_key = None
        time.sleep(frame["retry_after_ms"] / 1000 if frame["code"] in BUSY else 0)
        self.link.carrier.cut()
        raise Closed(1006, text)  # opens again with the answer so far, on a new connection

    def _verdict(self, frame):
        before = len(self.committed)
        own = frame["from"] - before  # how many drafts stand
        if own > 0 and (frame["epoch"] != self.epoch or own > len(self.chain)):
            raise Failed("a verdict builds on drafts that were not sent")
        new = self.chain[: max(own, 0)] + frame["tokens"][max(-own, 0) :]
        is_kept = self.chain[: len(new)] == new[: len(self.chain)]
        self.committed += new
        restates = not new and "end" not in frame and frame["epoch"] == self.epoch
        if (not is_kept and self.sent_to > before) or restates:
            self.is_stale = self.has_sent  # the next draft begins an epoch
        self.chain = self.chain[len(new) :] if is_kept else []
        self.sent_to = max(len(self.committed), self.sent_to) if is_kept and not restates else len(self.committed)
        self.is_outstanding = False
        self.advised = min(frame.get("advised_draft_length", self.advised), self.options.draft_length)
        self.tally["accepted"] += frame["accepted_count"]
        self.tally["rejected"] += frame["rejected_count"]
        self.end = frame.get("end")
        period = self.options.drop_every
        if period and before // period != len(self.committed) // period:
            self.link.carrier.cut()

    def _draft(self):
        """Drafts and sends what the mode allows. Returns whether a frame was sent."""
        mode = self.options.mode
        if mode in ("stream", "co-located") or (mode == "stop-and-wait" and self.is_outstanding):
            return False
        self._grow()
        at = self.sent_to - len(self.committed)
        ids = self.chain[at:]
        asks = mode == "stop-and-wait" or (mode == "pipeline" and not self.is_outstanding and not self.chain)
        if not ids and not asks:
            return False
        self.epoch += self.is_stale
        self.is_stale, self.has_sent, self.is_outstanding = False, True, True
        self._send("draft", epoch=self.epoch, from_=self.sent_to, ids=ids)
        self.sent_to += len(ids)
        self.tally["drafted"] += len(ids)
        return True

    def _grow(self):
        """Appends to the chain: as many tokens as advised, as far as the drafter knows any and the window is open."""
        count = self.advised
        if count == 0 and len(self.committed) - self.probed_at >= PROBE_EVERY:
            count, self.probed_at = 1, len(self.committed)
        words = [token for token in self.committed if token < IMAGE]
        self.drafter.learn(words)
        text = words + self.chain
        absent = len(self.committed) - len(words)
        room = self.options.window - len(self.chain)
        if self.options.mode == "stop-and-wait":
            room = count - len(self.chain)
        for _ in range(min(count, room)):
            token = self.drafter.draft(text, len(text) + absent)
            if token is None:
                return
            text.append(token)
            self.chain.append(token)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def read_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("prompt")
    parser.add_argument("--image", action="append", default=[], help="picture before the prompt; repeatable")
    parser.add_argument("--server", default="ws://127.0.0.1:7433")
    parser.add_argument("--key", default=os.environ.get("PILOTFISH_KEY"), help="or PILOTFISH_KEY")
    parser.add_argument("--ca", help="certificate authority of the server, in PEM form")
    parser.add_argument("--vocab", help="GGUF file of the server's model, or of one with its vocabulary")
    parser.add_argument("--mode", choices=MODES, default="race")
    parser.add_argument("--seed", type=int, default=random.getrandbits(64))
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--temperature", type=float, default=0.8, help="0 drafts under greedy, else coupled")
    parser.add_argument("--top-k", type=int, default=40)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--min-p", type=float, default=0.05)
    parser.add_argument("--draft-length", type=int, default=4)
    parser.add_argument("--window", type=int, default=16)
    parser.add_argument("--json", action="store_true", help="ids, text and counts as one JSON document")
    parser.add_argument("--drop-every", type=int, default=0, help="cut the connection each time that many tokens")
    parser.add_argument("--no-reopen", action="store_true", help="fail where a session can only be opened again")
    options = parser.parse_args(arguments)
    options.scheme = "greedy" if options.temperature == 0 else "coupled"
    return options


def main():
    options = read_options(sys.argv[1:])
    try:
        device = Device(options)
        ids = device.run()
    except (Failed, OSError, Refused) as error:
        sys.exit(f"device.py: {error}")
    text = token_texts(options.vocab, ids) if options.vocab else None
    if options.json:
        print(json.dumps({"ids": ids, "text": text, "welcome": device.link.welcome, "tally": device.tally}))
    else:
        print(" ".join(map(str, ids)) if text is None else text)


if __name__ == "__main__":
    main()
