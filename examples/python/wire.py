"""Encodes and decodes the frames of PROTOCOL.md: protobuf, from a table of the fields that this file holds.

A field is written `name:type`, with `*` for a list and `?` where zero differs from absent; numbers count from 1.
"""

import struct

SCHEMES = {"greedy": 1, "coupled": 2, "agreement": 3, "split": 4, "full": 5}
MODES = {"race": 1, "pipeline": 2, "stop-and-wait": 3, "stream": 4, "auto": 5, "co-located": 6}

_TABLE = {
    "Frame": "hello:Hello open:Open draft:Draft tail_request:TailRequest resume:Resume cancel:Cancel close:Close - "
    "welcome:Welcome opened:Opened verdict:Verdict hint:Hint resumed:Resumed tail:Tail failure:Failure ping:Ping "
    "drain:Drain pong:Pong padding:bytes* picture_part:PicturePart pictures_wanted:PicturesWanted",
    "Hello": "version_min:u32 version_max:u32 name:str key:str fingerprint:str vocab_size:u32 block_hashes:fixed32*",
    "Welcome": "version:u32 model_name:str fingerprint:str vocab_size:u32 schemes:u32* modes:u32* context_length:u32 "
    "limits:Limits pass_us:u32 pad_bytes:u32 aggregate_ms:u32 sees_pictures:u32",
    "Limits": "frame_bytes:u32 sessions:u32 prompt_tokens:u32 draft_tokens:u32 window_tokens:u32 resume_ms:u32 "
    "silence_ms:u32",
    "Open": "session:u32 prompt_ids:TokenIds prompt_text:str? prompt_messages:ChatMessages answer:u32* "
    "sampling:Sampling seed:fixed64 scheme:u32 mode:u32 tokens_max:u32 window_max:u32 cut_keep_max:u32? "
    "cut_tail_mass_max:f64? schema:str? top_logprobs:u32? wants_hints:u32 pad_bytes:u32 aggregate_ms:u32 "
    "pictures:PictureRef* pictures_follow:u32",
    "PictureRef": "hash:bytes bytes:u32 message:u32 at:u32",
    "PicturePart": "session:u32 index:u32 offset:u32 data:bytes",
    "PicturesWanted": "session:u32 wanted:PictureWant*",
    "PictureWant": "index:u32 offset:u32",
    "TokenIds": "ids:u32*",
    "ChatMessages": "messages:ChatMessage*",
    "ChatMessage": "role:str content:str",
    "Sampling": "temperature:f64? top_k:u32? top_p:f64? min_p:f64? repetition_penalty:f64? presence_penalty:f64? "
    "frequency_penalty:f64? bias_tokens:u32* biases:f64*",
    "Opened": "session:u32 resume_key:bytes prompt_length:u32 prompt_ids:u32* window_max:u32 images:ImageSpan*",
    "ImageSpan": "from:u32 count:u32 first_id:u32",
    "Draft": "session:u32 epoch:u32 from:u32 ids:u32* probs:f64* laws:Law* residual:u32? more:u32 chances:bytes",
    "Law": "ids:u32* probs:f64*",
    "CutLaw": "ids:u32* probs:f64* tail_mass:f64",
    "Verdict": "session:u32 epoch:u32 from:u32 tokens:u32* accepted_count:u32 rejected_count:u32 queue_us:u32 "
    "verify_us:u32 advised_draft_length:u32? end:u32? whole_law:Law cut_law:CutLaw logprobs:Logprobs* "
    "law_logprobs:Logprobs sources:SourceCounts",
    "SourceCounts": "device_count:u32 model_count:u32 suffix_count:u32",
    "Logprobs": "values:f32* top:u32*",
    "Hint": "session:u32 epoch:u32 position:u32 candidates:u32* confidences:f32*",
    "TailRequest": "session:u32 position:u32",
    "Tail": "session:u32 position:u32 law:Law law_logprobs:Logprobs",
    "Resume": "session:u32 resume_key:bytes committed_length:u32 log_hash:fixed64",
    "Resumed": "session:u32 epoch:u32 from:u32 tokens:u32* logprobs:Logprobs*",
    "Cancel": "session:u32",
    "Close": "session:u32",
    "Failure": "code:u32 session:u32? message:str retry_after_ms:u32 block:VocabularyBlock",
    "VocabularyBlock": "vocab_size:u32 from:u32 texts:str*",
    "Drain": "retry_after_ms:u32 alternatives:str*",
    "Ping": "nonce:u32 is_cover:u32",
    "Pong": "nonce:u32",
}
_FIXED = {"f64": "<d", "f32": "<f", "fixed64": "<Q", "fixed32": "<I"}
_EMPTY = {"str": "", "bytes": b""}


def _parse(line):
    fields = {}
    for number, word in enumerate(line.split(), 1):
        if word != "-":
            name, _, kind = word.partition(":")
            fields[number] = (name, kind.rstrip("*?"), kind[-1] if kind[-1] in "*?" else "")
    return fields


_FIELDS = {name: _parse(line) for name, line in _TABLE.items()}


def _varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _scalar(kind, value):
    return struct.pack(_FIXED[kind], value) if kind in _FIXED else _varint(int(value))


def _payload(kind, value):
    """Content of a field with a length."""
    if kind == "str":
        return value.encode()
    return value if kind == "bytes" else _encode(kind, value)


def _delimited(number, content):
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _encode(message, values):
    out = bytearray()
    for number, (name, kind, mark) in _FIELDS[message].items():
        value = values.get(name)
        has_length = kind in _EMPTY or kind in _FIELDS
        if value is None or (mark == "*" and not value):
            continue
        if mark == "*" and has_length:
            out += b"".join(_delimited(number, _payload(kind, one)) for one in value)
        elif mark == "*":
            out += _delimited(number, b"".join(_scalar(kind, one) for one in value))
        elif has_length and (value or mark == "?" or kind in _FIELDS):
            out += _delimited(number, _payload(kind, value))
        elif not has_length and (value or mark == "?"):
            wire_type = {"<d": 1, "<Q": 1, "<f": 5, "<I": 5}.get(_FIXED.get(kind), 0)
            out += _varint(number << 3 | wire_type) + _scalar(kind, value)
    return bytes(out)


def encode(kind, **values):
    """The bytes of a frame: encode("cancel", session=3). The field `from` is given as `from_`."""
    return _encode("Frame", {kind: {name.rstrip("_"): value for name, value in values.items()}})


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("a message ends in the middle of a field")
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self):
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def scalar(self, kind):
        if kind not in _FIXED:
            return self.varint()
        return struct.unpack(_FIXED[kind], self.take(struct.calcsize(_FIXED[kind])))[0]


def _value(kind, content):
    if kind == "str":
        return content.decode()
    return content if kind == "bytes" else _decode(kind, content)


def _decode(message, data):
    values, reader = {}, _Reader(data)
    for name, kind, mark in _FIELDS[message].values():
        if mark == "*":
            values[name] = []
        elif mark == "" and kind not in _FIELDS:
            values[name] = _EMPTY.get(kind, 0)
    while reader.at < len(data):
        tag = reader.varint()
        name, kind, mark = _FIELDS[message].get(tag >> 3, (None, "", ""))
        content = reader.take(reader.varint()) if tag & 7 == 2 else None
        if name is None:  # of a newer version: skipped
            if content is None:
                reader.scalar({1: "fixed64", 5: "fixed32"}.get(tag & 7, "u32"))
        elif content is None:
            values[name] = reader.scalar(kind)
        elif kind in _EMPTY or kind in _FIELDS:
            values[name] = values[name] + [_value(kind, content)] if mark == "*" else _value(kind, content)
        else:
            packed = _Reader(content)
            while packed.at < len(content):
                values[name].append(packed.scalar(kind))
    return values


def decode(data):
    """Kind and fields of a frame: ("pong", {"nonce": 7})."""
    frame = _decode("Frame", data)
    kinds = [name for name in frame if name != "padding"]
    if len(kinds) != 1:
        raise ValueError(f"{len(kinds)} kinds in one frame")
    return kinds[0], frame[kinds[0]]
