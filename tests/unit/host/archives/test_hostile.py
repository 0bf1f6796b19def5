"""Archives that somebody made to do harm: nothing is written outside, nothing is left, and the refusal says why."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import pytest
import zstandard

from homeport.environments.backups.manifest import DirectoryEntry, FileEntry, Manifest, manifest_text
from homeport.errors import HomeportError
from homeport.host.archives import tar, zstd
from homeport.host.archives.extracting import extract
from homeport.host.archives.refusal import ArchiveError
from homeport.host.archives.verifying import verify
from homeport.host.archives.writing import Contents
from tests.support.archives import BACKUP, content_of, described, make_tree, packed, record_of

TOP: Final = f"data-{BACKUP}/data"
NAME: Final = f"data-{BACKUP}.tar.zst"


def file(name: str, content: bytes = b"evil", mode: int = 0o644) -> bytes:
    header = tar.Header(name, is_directory=False, size=len(content), mode=mode, mtime=0)
    return tar.encode(header) + content + tar.padding(len(content))


def directory(name: str, mode: int = 0o755) -> bytes:
    return tar.encode(tar.Header(name, is_directory=True, size=0, mode=mode, mtime=0))


def entry(path: str, content: bytes = b"evil", mode: int = 0o644) -> FileEntry:
    return FileEntry(path, len(content), hashlib.sha256(content).hexdigest(), mode)


def manifest(*files: FileEntry, directories: tuple[DirectoryEntry, ...] = ()) -> Manifest:
    return described()(Contents(files, directories))


def closing(said: Manifest) -> bytes:
    return file(f"data-{BACKUP}/manifest.json", manifest_text(said), 0o600) + tar.END


def archive(at: Path, *parts: bytes) -> Path:
    at.mkdir()
    (at / NAME).write_bytes(b"".join(zstd.compress(parts)))
    return at / NAME


def refused(hostile: Path, why: str) -> ArchiveError:
    """Refused by both ways of reading, with nothing written anywhere."""
    outside = hostile.parent.parent
    before = content_of(outside)
    with pytest.raises(ArchiveError, match=why) as by_verify:
        verify(hostile)
    with pytest.raises(ArchiveError, match=why):
        extract(hostile, hostile.parent / "out")
    assert content_of(outside) == before
    return by_verify.value


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/tmp/homeport-evil", "is absolute"),  # noqa: S108
        ("../evil", "leads out of the directory"),
        (f"{TOP}/../../../evil", "leads out of the directory"),
        (f"{TOP}/a/../evil", "leads out of the directory"),
        (f"{TOP}/./evil", "is not in its plain form"),
        (f"{TOP}//evil", "is not in its plain form"),
        (f"{TOP}/" + "x" * 300, "is too long"),
        (f"{TOP}/" + "x/" * 1400 + "x" * 200, "is too long"),
        ("evil", f"is not below {TOP}"),
        (f"data-{BACKUP}/evil", f"is not below {TOP}"),
        (f"other/{TOP}/evil", f"is not below {TOP}"),
        (f"{TOP}/no such directory/evil", "is in a directory that is not there"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str, why: str) -> None:
    hostile = archive(tmp_path / "in", directory(TOP), file(path), closing(manifest(entry("evil"))))
    error = refused(hostile, why)
    assert error.member == path
    assert str(hostile) in str(error)


def test_a_zero_byte_in_a_name_is_refused(tmp_path: Path) -> None:
    hostile = archive(tmp_path / "in", directory(TOP), file(f"{TOP}/a\0b"), closing(manifest(entry("a"))))
    refused(hostile, "holds a zero byte")


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (tarfile.SYMTYPE, "is a symbolic link"),
        (tarfile.LNKTYPE, "is a hard link"),
        (tarfile.CHRTYPE, "is a device"),
        (tarfile.BLKTYPE, "is a device"),
        (tarfile.FIFOTYPE, "is a fifo"),
        (tarfile.CONTTYPE, "is neither a file nor a directory"),
        (tarfile.GNUTYPE_SPARSE, "is a sparse file"),
        (b"g", "is neither a file nor a directory"),
        (b"L", "is neither a file nor a directory"),
        (b"\0", "is neither a file nor a directory"),
    ],
)
def test_what_is_neither_a_file_nor_a_directory_is_refused(tmp_path: Path, kind: bytes, why: str) -> None:
    odd = tarfile.TarInfo(f"{TOP}/evil")
    odd.type, odd.linkname, odd.mode = kind, "/etc/passwd", 0o644
    odd.devmajor, odd.devminor = 1, 3
    hostile = archive(tmp_path / "in", directory(TOP), odd.tobuf(tarfile.USTAR_FORMAT), closing(manifest()))
    assert refused(hostile, why).member == f"{TOP}/evil"


def test_a_link_and_a_file_through_it_write_nothing(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    link = tarfile.TarInfo(f"{TOP}/sub")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "target")
    parts = (directory(TOP), link.tobuf(tarfile.USTAR_FORMAT), file(f"{TOP}/sub/evil"))
    refused(archive(tmp_path / "in", *parts, closing(manifest(entry("sub/evil")))), "is a symbolic link")
    assert list((tmp_path / "target").iterdir()) == []


def _owner(info: tarfile.TarInfo) -> None:
    info.uid, info.uname = 1000, "mallory"


def _linked(info: tarfile.TarInfo) -> None:
    info.linkname = "/etc/passwd"


def _sparse(info: tarfile.TarInfo) -> None:
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "evil"}


def _second_size(info: tarfile.TarInfo) -> None:
    info.pax_headers = {"size": "4"}


def _second_name(info: tarfile.TarInfo) -> None:
    info.pax_headers = {"path": "/etc/evil"}


def _link_by_pax(info: tarfile.TarInfo) -> None:
    info.pax_headers = {"linkpath": "/etc/passwd"}


FORMS: Final[tuple[Literal[0, 1, 2], ...]] = (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT)
ODD: Final[list[tuple[Callable[[tarfile.TarInfo], None], Literal[0, 1, 2]]]] = [
    *((change, form) for change in (_owner, _linked) for form in FORMS),
    *((change, tarfile.PAX_FORMAT) for change in (_sparse, _second_size, _second_name, _link_by_pax)),
]


@pytest.mark.parametrize(("change", "form"), ODD)
def test_a_header_that_says_more_than_ours_is_refused(
    tmp_path: Path, change: Callable[[tarfile.TarInfo], None], form: Literal[0, 1, 2]
) -> None:
    odd = tarfile.TarInfo(f"{TOP}/evil")
    odd.size, odd.mode = 4, 0o644
    change(odd)
    member = odd.tobuf(form) + b"evil" + tar.padding(4)
    said = closing(manifest(entry("evil")))
    refused(archive(tmp_path / "in", directory(TOP), member, said), "has a header that no archive|is absolute")


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1777, 0o7777])
def test_a_mode_that_brings_rights_is_refused(tmp_path: Path, mode: int) -> None:
    said = closing(manifest(entry("evil")))
    refused(archive(tmp_path / "in", directory(TOP), file(f"{TOP}/evil", mode=mode), said), "would bring rights")


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    twice = (file(f"{TOP}/a", b"good"), file(f"{TOP}/a", b"evil"))
    refused(archive(tmp_path / "in", directory(TOP), *twice, closing(manifest(entry("a")))), "is there twice")


def test_a_file_that_stands_for_a_directory_is_refused(tmp_path: Path) -> None:
    parts = (directory(TOP), file(f"{TOP}/a"), file(f"{TOP}/a/b"))
    said = closing(manifest(entry("a"), entry("a/b")))
    refused(archive(tmp_path / "in", *parts, said), "is in a directory that is not there")


LIES: Final[dict[str, tuple[Manifest, str]]] = {
    "missing": (manifest(entry("a"), entry("b")), "'b': is in the manifest and not in the archive"),
    "extra": (manifest(), "'a': is not in the manifest"),
    "sha256": (manifest(entry("a", b"evix")), "'a': is not what the manifest says"),
    "size": (manifest(replace(entry("a"), size=5)), "'a': is not what the manifest says"),
    "mode": (manifest(entry("a", mode=0o600)), "'a': is not what the manifest says"),
    "directory": (
        manifest(entry("a"), directories=(DirectoryEntry("d", 0o755),)),
        "'d': is in the manifest and not in the archive",
    ),
    "outside": (manifest(entry("../a")), r"'\.\./a' leads out of the directory"),
    "absolute": (manifest(entry("/a")), "'/a' is absolute"),
    "twice": (manifest(entry("a"), entry("a")), "'a' is there twice"),
    "id": (replace(manifest(entry("a")), backup="20251002T061500Z"), "is the manifest of the backup 20251002T061500Z"),
    "no identity": (replace(manifest(entry("a")), identity=None), "whose data have an identity"),
    "another format": (replace(manifest(entry("a")), format=2), "format: is 2; this Homeport reads 1"),
    "setuid": (manifest(entry("a", mode=0o4755)), r"files\[0\]\.mode: must be a whole number from 0 to 511"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_manifest_that_lies_is_refused(tmp_path: Path, lie: str) -> None:
    said, why = LIES[lie]
    refused(archive(tmp_path / "in", directory(TOP), file(f"{TOP}/a"), closing(said)), why)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"format": 1, "format": 1}', b"NaN"])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: bytes) -> None:
    last = file(f"data-{BACKUP}/manifest.json", text, 0o600) + tar.END
    refused(archive(tmp_path / "in", directory(TOP), file(f"{TOP}/a"), last), r"manifest\.json': cannot be believed")


def test_an_archive_without_a_manifest_or_a_beginning_is_refused(tmp_path: Path) -> None:
    refused(archive(tmp_path / "1", directory(TOP), file(f"{TOP}/a"), tar.END), r"has no manifest\.json at its end")
    refused(archive(tmp_path / "2", tar.END), "does not begin with the directory")
    refused(archive(tmp_path / "3", bytes(tar.BLOCK)), "ends in the middle|is not a file that Homeport has compressed")
    refused(archive(tmp_path / "4", file(f"{TOP}/a"), closing(manifest(entry("a")))), "does not begin with")


def test_what_stands_behind_the_manifest_is_refused(tmp_path: Path) -> None:
    said = closing(manifest()).removesuffix(tar.END)
    refused(archive(tmp_path / "1", directory(TOP), said, file(f"{TOP}/a"), tar.END), "stands behind the manifest")
    refused(archive(tmp_path / "2", directory(TOP), said, tar.END, tar.END), "has bytes behind its end")


def test_bytes_hidden_between_two_members_are_refused(tmp_path: Path) -> None:
    hidden = file(f"{TOP}/a")[:-1] + b"!"
    said = closing(manifest(entry("a")))
    refused(archive(tmp_path / "in", directory(TOP), hidden, said), "there are bytes between two files")


def zstd_frame(content: bytes, **parameters: int) -> bytes:
    made = zstandard.ZstdCompressionParameters.from_level(3, **parameters)
    packer = zstandard.ZstdCompressor(compression_params=made).compressobj()
    return packer.compress(content) + packer.flush()


WHOLE: Final = directory(TOP) + closing(manifest())
PACKED: Final = {
    "zip": b"PK\x03\x04" + WHOLE,
    "gzip": b"\x1f\x8b" + WHOLE,
    "an empty file": b"",
    "two frames": b"".join(zstd.compress([WHOLE])) * 2,
    "no checksum": zstd_frame(WHOLE, window_log=21),
    "a large window": zstd_frame(WHOLE, window_log=27, write_checksum=True),
}


@pytest.mark.parametrize("kind", PACKED)
def test_what_is_packed_otherwise_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / NAME).write_bytes(PACKED[kind])
    why = "is not a file that Homeport has compressed|has bytes behind its end|ends in the middle"
    refused(tmp_path / "in" / NAME, why)


def zeros(count: int) -> Iterator[bytes]:
    header = tar.Header(f"{TOP}/bomb", is_directory=False, size=count, mode=0o644, mtime=0)
    yield directory(TOP) + tar.encode(header)
    for _ in range(count >> 20):
        yield bytes(1 << 20)
    yield closing(manifest(FileEntry("bomb", count, "0" * 64, 0o644)))


def test_a_bomb_is_stopped_at_what_its_record_allows(tmp_path: Path) -> None:
    good = packed(make_tree(tmp_path / "tree"), tmp_path / "good")
    bomb = b"".join(zstd.compress(zeros(1 << 30)))
    assert len(bomb) < 1 << 20, "a thousandth of what it holds"
    (tmp_path / "in").mkdir()
    hostile = tmp_path / "in" / NAME
    hostile.write_bytes(bomb)
    record = record_of(good)
    assert record.archive is not None
    record = replace(record, archive=replace(record.archive, size=len(bomb), sha256=hashlib.sha256(bomb).hexdigest()))
    for read in (lambda: verify(hostile, record), lambda: extract(hostile, tmp_path / "in" / "out", record)):
        with pytest.raises(ArchiveError, match=f"has more than the {good.manifest.total_bytes} bytes it may have"):
            read()
    assert [path.name for path in (tmp_path / "in").iterdir()] == [NAME]


def test_more_members_than_recorded_are_not_read(tmp_path: Path) -> None:
    good = packed(make_tree(tmp_path / "tree", {"a": b"evil"}, ()), tmp_path / "good")
    many = [file(f"{TOP}/{number}") for number in range(10)]
    hostile = archive(tmp_path / "in", directory(TOP), *many, closing(manifest()))
    with pytest.raises(ArchiveError, match=r"is longer than the|has more than the 1 files and directories"):
        verify(hostile, record_of(good))


def test_what_has_no_room_is_not_unpacked(tmp_path: Path) -> None:
    """A file of four exbibytes: its header alone is enough."""
    header = tar.Header(f"{TOP}/bomb", is_directory=False, size=1 << 62, mode=0o644, mtime=0)
    hostile = archive(tmp_path / "in", directory(TOP), tar.encode(header), bytes(1 << 20))
    refused(hostile, "has more than the [0-9]+ bytes it may have")


def test_a_header_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    pax = tarfile.TarInfo("././@PaxHeader")
    pax.type, pax.size = tarfile.XHDTYPE, 1 << 32
    hostile = archive(tmp_path / "in", directory(TOP), pax.tobuf(tarfile.USTAR_FORMAT), bytes(1 << 20))
    refused(hostile, "has a header that is too long")


def test_an_archive_of_tarfile_itself_is_refused_by_name(tmp_path: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as out:
        out.add(make_tree(tmp_path / "tree"), arcname=TOP)
    refused(archive(tmp_path / "in", made.getvalue()), "has a header that no archive of Homeport has")


def test_a_file_of_another_name_is_not_opened(tmp_path: Path) -> None:
    good = packed(make_tree(tmp_path / "tree"), tmp_path / "good")
    other = good.path.rename(good.path.with_name("backup.tar.zst"))
    with pytest.raises(HomeportError, match="is not named as an archive is"):
        verify(other)
