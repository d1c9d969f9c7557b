"""Reads the token texts of a GGUF file with a SentencePiece vocabulary, to show an answer as text."""

import mmap
import re
import struct

_FORMATS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 4

    def number(self, form):
        (value,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        size = self.number("<Q")
        self.at += size
        return self.data[self.at - size : self.at].decode(errors="replace")

    def value(self, kind):
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            inner, count = self.number("<I"), self.number("<Q")
            return [self.value(inner) for _ in range(count)]
        return self.number(_FORMATS[kind])


def token_texts(path, ids):
    """The text of token ids."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        reader = _Reader(data)
        _version, _tensors, count = reader.number("<I"), reader.number("<Q"), reader.number("<Q")
        fields = {}
        for _ in range(count):
            name = reader.text()
            fields[name] = reader.value(reader.number("<I"))
    tokens, types = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    pieces = []
    for token in ids:
        byte = re.fullmatch(r"<0x([0-9A-F]{2})>", tokens[token])
        if byte:
            pieces.append(bytes([int(byte[1], 16)]))
        elif types[token] != 3:  # control tokens have no text
            pieces.append(tokens[token].replace("\u2581", " ").encode())
    return b"".join(pieces).decode(errors="replace")
