"""One zstd frame with its checksum, nothing before it and nothing behind it.

Blocks are fed to the library one by one. So a bomb never swells to more than one block, and a frame that is cut off is
told from one that ends: the library's own stream readers answer both alike.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Final

from homeport.host.archives.refusal import BrokenError
from homeport.host.archives.streams import ByteStream

LEVEL: Final = 1
"""Of a database of messages, level 3 makes a tenth less of it for a third more of the processor's time."""
_MOST_THREADS: Final = 4
"""Each holds some megabytes; more do not write a disk any faster."""
_WINDOW_LOG: Final = 21
_HEADER: Final = b"\x28\xb5\x2f\xfd" + bytes((0x04, (_WINDOW_LOG - 10) << 3))
"""The magic number; a checksum at the end, no dictionary, the size not known before; the window."""
_LARGEST_BLOCK: Final = 128 * 1024
_RLE: Final = 1
_NO_TYPE: Final = 3


def compress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """One frame out of these bytes, compressed on several threads."""
    import zstandard

    threads = min(os.cpu_count() or 1, _MOST_THREADS)
    # The window is named, so that the header is the same for ever.
    parameters = zstandard.ZstdCompressionParameters.from_level(
        LEVEL, window_log=_WINDOW_LOG, threads=threads, write_checksum=True
    )
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


def decompress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of one frame, a block at a time.

    Raises:
        BrokenError: it is damaged, cut off, followed by something, or made otherwise than :func:`compress` does.
    """
    import zstandard

    source = ByteStream(chunks)
    opened = zstandard.ZstdDecompressor(max_window_size=1 << _WINDOW_LOG).decompressobj()
    try:
        opened.decompress(_header(source))
        last = False
        while not last:
            last, block = _block(source)
            yield opened.decompress(block)
        yield opened.decompress(source.exactly(4))
    except zstandard.ZstdError:
        raise BrokenError("is damaged: its compressed data do not hold together") from None
    if not opened.eof or opened.unused_data:
        raise BrokenError("is damaged: its compressed data do not end where they should")
    if not source.at_end():
        raise BrokenError("has bytes behind its end")


def _header(source: ByteStream) -> bytes:
    if source.exactly(len(_HEADER)) != _HEADER:
        raise BrokenError("is not a file that Homeport has compressed")
    return _HEADER


def _block(source: ByteStream) -> tuple[bool, bytes]:
    head = source.exactly(3)
    number = int.from_bytes(head, "little")
    last, kind, size = bool(number & 1), number >> 1 & 3, number >> 3
    if kind == _NO_TYPE or size > _LARGEST_BLOCK:
        raise BrokenError("is damaged: its compressed data do not hold together")
    return last, head + source.exactly(1 if kind == _RLE else size)
