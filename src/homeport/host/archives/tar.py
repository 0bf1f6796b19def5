"""The dialect of tar that archives are written in: ustar headers, pax records for long names and large sizes.

What is read is encoded again and compared, so that a header which says anything else (an owner, a link, a second size,
a sparse map) is not an archive of ours, however another tar would understand it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from homeport.environments.backups.paths import LONGEST_PATH, path_bytes
from homeport.host.archives.refusal import BrokenError
from homeport.host.archives.streams import ByteStream

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
_NAME: Final = 100
_LARGEST_OCTAL: Final = 8**11 - 1
_LARGEST_PAX: Final = LONGEST_PATH + 1_000
_PAX_NAME: Final = b"././@PaxHeader"
_FILE: Final = b"0"
_DIRECTORY: Final = b"5"
_PAX: Final = b"x"
_WORDS: Final = {
    b"1": "is a hard link",
    b"2": "is a symbolic link",
    b"3": "is a device",
    b"4": "is a device",
    b"6": "is a fifo",
    b"S": "is a sparse file",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before a member. Names of directories have no slash at the end."""

    name: str
    is_directory: bool
    size: int
    mode: int
    mtime: int
    """Seconds since 1970."""


def padding(size: int) -> bytes:
    """What fills a member's last block."""
    return bytes(-size % BLOCK)


def encode(header: Header) -> bytes:
    """The blocks that stand before a member."""
    name = path_bytes(header.name) + (b"/" if header.is_directory else b"")
    records = b""
    if len(name) > _NAME or not name.isascii():
        # Bytes that are no UTF-8 are against pax unless announced; what reads them otherwise reads them as they are.
        announced = b"" if _is_utf8(name) else _record(b"hdrcharset", b"BINARY")
        records = announced + _record(b"path", name)
    if header.size > _LARGEST_OCTAL:
        records += _record(b"size", b"%d" % header.size)
    kind = _DIRECTORY if header.is_directory else _FILE
    main = _block(_shortened(name), kind, min(header.size, _LARGEST_OCTAL), header.mode, header.mtime)
    if not records:
        return main
    return _block(_PAX_NAME, _PAX, len(records), 0o644, 0) + records + padding(len(records)) + main


def read_header(source: ByteStream) -> Header | None:
    """The next member's header; None at the end of the archive.

    Raises:
        BrokenError: it is none that :func:`encode` writes.
    """
    raw = source.exactly(BLOCK)
    if not any(raw):
        if any(source.exactly(BLOCK)):
            raise BrokenError("is damaged: a header is empty")
        return None
    records: dict[bytes, bytes] = {}
    if _kind(raw) == _PAX:
        size = _octal(raw[124:136])
        if size > _LARGEST_PAX:
            raise BrokenError("has a header that is too long")
        body = source.exactly(size + len(padding(size)))
        records = _records(body[:size])
        raw += body + source.exactly(BLOCK)
    header = _decode(raw[-BLOCK:], records)
    if encode(header) != raw:
        raise BrokenError("has a header that no archive of Homeport has", header.name)
    return header


def _decode(block: bytes, records: dict[bytes, bytes]) -> Header:
    kind = _kind(block)
    raw_name = records.get(b"path", block[:_NAME].rstrip(b"\0"))
    name = raw_name.decode("utf-8", "surrogateescape")
    if kind not in {_FILE, _DIRECTORY}:
        raise BrokenError(_WORDS.get(kind, "is neither a file nor a directory"), name)
    size = records.get(b"size")
    if size is not None and not (size.isdigit() and len(size) < 20):
        raise BrokenError("has a size that is no number", name)
    return Header(
        name.removesuffix("/") if kind == _DIRECTORY else name,
        kind == _DIRECTORY,
        _octal(block[124:136]) if size is None else int(size),
        _octal(block[100:108]),
        _octal(block[136:148]),
    )


def _kind(block: bytes) -> bytes:
    if _octal(block[148:155]) != _checksum(block):
        raise BrokenError("is damaged: a header's checksum is wrong")
    return block[156:157]


def _octal(field: bytes) -> int:
    digits = field.rstrip(b"\0 ")
    if not digits or digits.strip(b"01234567"):
        raise BrokenError("is damaged: a header holds a number that is none")
    return int(digits, 8)


def _records(body: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    while body:
        length, blank, _ = body.partition(b" ")
        if not blank or not length.isdigit() or len(length) > 5:
            raise BrokenError("is damaged: a header's records do not hold together")
        record, body = body[: int(length)], body[int(length) :]
        key, equals, value = record[len(length) + 1 :].partition(b"=")
        if not equals or not value.endswith(b"\n") or key in found:
            raise BrokenError("is damaged: a header's records do not hold together")
        found[key] = value[:-1]
    return found


def _record(key: bytes, value: bytes) -> bytes:
    """``LENGTH key=value``, where the length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _block(name: bytes, kind: bytes, size: int, mode: int, mtime: int) -> bytes:
    before = b"".join(
        (
            name.ljust(_NAME, b"\0"),
            b"%07o\0" % mode,
            b"%07o\0" % 0,
            b"%07o\0" % 0,
            b"%011o\0" % size,
            b"%011o\0" % mtime,
        )
    )
    after = kind + bytes(_NAME) + b"ustar\x0000" + bytes(64) + b"%07o\0" % 0 * 2 + bytes(167)
    block = before + b" " * 8 + after
    return before + b"%06o\0 " % _checksum(block) + after


def _checksum(block: bytes) -> int:
    return sum(block[:148]) + 8 * ord(" ") + sum(block[156:])


def _shortened(name: bytes) -> bytes:
    """What a tar that knows no pax shows."""
    return bytes(byte if byte < 128 else ord("?") for byte in name[:_NAME])


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
