"""A WebSocket client of the standard library: binary messages over TCP or TLS, with an API key."""

import base64
import hashlib
import os
import socket
import ssl
import threading
from urllib.parse import urlsplit

_ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_MESSAGE_MAX = 8_388_608
DEFAULT_PORT = 7433


class Refused(Exception):
    """The server does not take this client: trying again does not help."""


class Closed(ConnectionError):
    """The connection is lost or closed; `code` as in PROTOCOL.md, 1006 without a close frame."""

    def __init__(self, code, reason=""):
        super().__init__(f"connection closed with {code} {reason}".strip())
        self.code = code


class Carrier:
    """One connection. `receive` may run in one thread while another sends."""

    def __init__(self, url, key=None, ca=None, timeout=30):
        parts = urlsplit(url)
        is_tls = parts.scheme == "wss"
        port = parts.port or (443 if is_tls else DEFAULT_PORT)
        self._socket = socket.create_connection((parts.hostname, port), timeout)
        if is_tls:
            context = ssl.create_default_context(cafile=ca)
            self._socket = context.wrap_socket(self._socket, server_hostname=parts.hostname)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sending = threading.Lock()
        self._rest = b""
        self._upgrade(parts, port, key)
        self._socket.settimeout(None)

    def _upgrade(self, parts, port, key):
        nonce = base64.b64encode(os.urandom(16)).decode()
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        lines = [
            f"GET {parts.path or '/'} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {nonce}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: pilotfish",
        ]
        if key is not None:
            lines.append(f"Authorization: Bearer {key}")
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self._rest:
            if len(self._rest) > 65_536:
                raise Refused("the answer to the upgrade is too long")
            self._rest += self._chunk()
        head, self._rest = self._rest.split(b"\r\n\r\n", 1)
        first, *headers = head.decode("latin-1").split("\r\n")
        status = int(first.split()[1])
        if status != 101:
            raise (Closed(1006, first) if status >= 500 else Refused(first))
        named = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in headers)}
        digest = base64.b64encode(hashlib.sha1((nonce + _ACCEPT).encode()).digest()).decode()
        if named.get("sec-websocket-accept") != digest or named.get("sec-websocket-protocol") != "pilotfish":
            raise Refused("no pilotfish server: wrong answer to the upgrade")

    def _chunk(self):
        try:
            data = self._socket.recv(65_536)
        except OSError as error:
            raise Closed(1006, str(error)) from error
        if not data:
            raise Closed(1006)
        return data

    def _take(self, count):
        while len(self._rest) < count:
            self._rest += self._chunk()
        data, self._rest = self._rest[:count], self._rest[count:]
        return data

    def send(self, data, opcode=2):
        size = len(data)
        length = bytes([128 | size]) if size < 126 else bytes([254]) + size.to_bytes(2, "big")
        if size > 65_535:
            length = bytes([255]) + size.to_bytes(8, "big")
        mask = os.urandom(4)
        pad = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
        with self._sending:
            try:
                self._socket.sendall(bytes([128 | opcode]) + length + mask + masked)
            except OSError as error:
                raise Closed(1006, str(error)) from error

    def receive(self):
        """The next binary message; raises Closed at the end."""
        message = b""
        while True:
            first, second = self._take(2)
            size = second & 127
            if size > 125:
                size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
            if size + len(message) > _MESSAGE_MAX or second & 128 or first & 0x70:
                raise Closed(1002, "a frame that the client does not take")
            data, opcode = self._take(size), first & 15
            if opcode == 8:
                raise Closed(int.from_bytes(data[:2], "big") or 1006, data[2:].decode(errors="replace"))
            if opcode == 9:
                self.send(data, 10)
            elif opcode in (0, 2):
                message += data
                if first & 128:
                    return message

    def cut(self):
        """Drops the connection without a word, as a lost link does."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()

    def close(self, code=1000):
        try:
            self.send(code.to_bytes(2, "big"), 8)
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self._socket.close()
