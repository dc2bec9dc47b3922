"""Archives with tricks, and their clean twins: file name -> content. Payloads call `true`; nothing needs a library."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib

PAYLOAD = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."
"""A pickle that calls `os.system("true")`."""
STATE = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s."
"""A pickle of `{"a": 1}`."""
_TIME = (1980, 1, 1, 0, 0, 0)


# -- zip ---------------------------------------------------------------------------------------------------------------


def entry(  # noqa: PLR0913 - each keyword is one field
    name, content, *, method=0, local=None, central=None, gap=b"", extra=b"", descriptor=b"", listed=True
):
    """One member of `raw_zip`; `local` and `central` replace fields of the header and of the entry."""
    raw = name if isinstance(name, bytes) else name.encode()
    packed = content
    if method == 8:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(content) + packer.flush()
    fields = {
        "flags": 0,
        "method": method,
        "crc": zlib.crc32(content),
        "packed": len(packed),
        "size": len(content),
        "name": raw,
        "extra": extra,
        "mode": 0,
    }
    return {
        "packed": packed,
        "local": {**fields, **(local or {})},
        "central": {**fields, **(central or {})},
        "gap": gap,
        "descriptor": descriptor,
        "listed": listed,
    }


def raw_zip(entries, *, prefix=b"", before_end=b"", comment=b"", suffix=b"", shift=0, **end):
    """An archive written field by field."""
    out, directory, count = bytearray(prefix), bytearray(), 0
    for item in entries:
        at = len(out) - shift
        head = item["local"]
        out += b"PK\x03\x04" + struct.pack(
            "<HHHHHIIIHH", 20, head["flags"], head["method"], 0, 33, head["crc"], head["packed"], head["size"],
            len(head["name"]), len(head["extra"]),
        )  # fmt: skip
        out += head["name"] + head["extra"] + item["packed"] + item["descriptor"] + item["gap"]
        meant = item["central"]
        if item["listed"]:
            count += 1
            directory += b"PK\x01\x02" + struct.pack(
                "<HHHHHHIIIHHHHHII", 3 << 8 | 20, 20, meant["flags"], meant["method"], 0, 33, meant["crc"], meant["packed"],
                meant["size"], len(meant["name"]), len(meant["extra"]), 0, 0, 0, meant["mode"] << 16, meant.get("offset", at),
            ) + meant["name"] + meant["extra"]  # fmt: skip
    start = len(out) - shift
    out += directory + before_end
    values = {"disk": 0, "count": count, "length": len(directory), "start": start, **end}
    out += b"PK\x05\x06" + struct.pack(
        "<HHHHIIH", values["disk"], values["disk"], count, values["count"], values["length"], values["start"], len(comment)
    )  # fmt: skip
    return bytes(out + comment + suffix)


def plain_zip(members, *, method=zipfile.ZIP_STORED, target=None):
    """An archive as Python writes it, with fixed times."""
    out = target or io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _TIME), content, compress_type=method)
    return out.getvalue()


class _Unseekable(io.RawIOBase):
    """A pipe: whoever writes zip archives to it has to use data descriptors."""

    def __init__(self):
        self.written = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.written += data
        return len(data)

    def getvalue(self):
        return bytes(self.written)


def zip64():
    """A small archive whose headers keep room for large sizes."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w") as archive,
        archive.open(zipfile.ZipInfo("m/data.pkl", _TIME), "w", force_zip64=True) as member,
    ):
        member.write(STATE)
    return out.getvalue()


def torch_zip(pickle=STATE):
    """What torch writes: stored members, each padded by an extra field so that its content starts at 64 bytes."""
    entries, at = [], 0
    for name, content in {
        "m/data.pkl": pickle, "m/byteorder": b"little", "m/data/0": bytes(range(64)), "m/version": b"3\n",
        "m/.data/serialization_id": b"0" * 40,
    }.items():  # fmt: skip
        start = at + 30 + len(name) + 4
        padding = -start % 64
        extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
        item = entry(
            name, content, extra=extra, central={"extra": b"", "flags": 0x0808}, local={"flags": 0x0808}
        )
        sizes = struct.pack("<III", zlib.crc32(content), len(content), len(content))
        item["descriptor"] = b"PK\x07\x08" + sizes
        entries.append(item)
        at = start + padding + len(content) + len(item["descriptor"])
    return raw_zip(entries)


def shared_bytes(*, count=2500, size=1024**2):
    """An archive whose entries all claim one compressed member."""
    first = entry("0", bytes(size), method=8)
    others = [entry("x", b"") for _ in range(count)]
    data = raw_zip([first])
    directory = bytearray()
    for index in range(len(others)):
        name = str(index).encode()
        directory += b"PK\x01\x02" + struct.pack(
            "<HHHHHHIIIHHHHHII", 20, 20, 0, 8, 0, 33, first["local"]["crc"], first["local"]["packed"], size, len(name), 0, 0, 0,
            0, 0, 0,
        ) + name  # fmt: skip
    start = data.index(b"PK\x01\x02")
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), start, 0)
    return data[:start] + bytes(directory) + end


# -- tar ---------------------------------------------------------------------------------------------------------------


def tar(members, *, form=tarfile.PAX_FORMAT, **pax):
    """A tar archive; a member is bytes, or a `TarInfo` with a kind of its own."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, **pax) as archive:
        for name, content in members.items():
            if isinstance(content, bytes):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                archive.addfile(content)
    return out.getvalue()


def link(name, target, kind=tarfile.SYMTYPE):
    """A link of a tar archive."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def v7(members):
    """An archive from before tar headers had a magic."""
    out = b""
    for name, content in members.items():
        block = bytearray(512)
        block[: len(name)] = name.encode("latin-1")
        block[100:148] = b"0000644 0000000 0000000 %011o %011o " % (len(content), 0)
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        out += bytes(block) + content + bytes(-len(content) % 512)
    return out + bytes(1024)


def _pax_size_lies():
    data = bytearray(tar({"m.pkl": PAYLOAD + bytes(600)}, form=tarfile.USTAR_FORMAT))
    extension = bytearray(tar({"x": b"11 size=30\n"}, form=tarfile.USTAR_FORMAT)[:1024])
    extension[156] = ord("x")
    extension[148:156] = b" " * 8
    extension[148:156] = b"%06o\0 " % sum(extension[:512])
    return bytes(extension) + bytes(data[:1024]) + bytes(data[1536:])


# -- others ------------------------------------------------------------------------------------------------------------


def ar(members):
    """An `ar` archive."""
    out = b"!<arch>\n"
    for name, content in members.items():
        out += f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(content):<10}`\n".encode() + content
        out += b"\n" * (len(content) % 2)
    return out


def cpio(members):
    """A `cpio` archive in its new portable form."""
    out = b""
    for name, content in {**members, "TRAILER!!!": b""}.items():
        raw = name.encode() + b"\0"
        numbers = (1, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw), 0)
        out += b"070701" + b"".join(b"%08x" % number for number in numbers) + raw
        out += bytes(-len(out) % 4) + content
        out += bytes(-len(out) % 4)
    return out


def seven_zip(members, *, method=b"\x21", before=(), modes=()):
    """A 7z archive with one folder: copied (`00`) or LZMA2 (`21`), or of a method that only claims to be.

    `before` are filters that the content went through first: number, filter of `lzma`, properties. Members without
    content are listed as such.
    """
    filled = [each for each in members.values() if each]
    content = b"".join(filled)
    packed, properties = content, b""
    if method == b"\x21":
        chain = [item[1] for item in before] + [{"id": lzma.FILTER_LZMA2, "dict_size": 65536}]
        packed, properties = lzma.compress(content, lzma.FORMAT_RAW, filters=chain), b"\x08"
    coders = [(number, own) for number, _, own in before] + [(method, properties)]
    header = b"\x01\x04\x06" + _seven(0) + b"\x01\x09" + _seven(len(packed)) + b"\x00"
    header += b"\x07\x0b\x01\x00" + _seven(len(coders)) + b"".join(_coder(*coder) for coder in coders)
    header += b"".join(_seven(index) + _seven(index + 1) for index in range(len(coders) - 1))
    header += b"\x0c" + _seven(len(content)) * len(coders) + b"\x00"
    header += (
        b"\x08\x0d" + _seven(len(filled)) + b"\x09" + b"".join(_seven(len(each)) for each in filled[:-1])
    )
    header += b"\x0a\x01" + b"".join(struct.pack("<I", zlib.crc32(each)) for each in filled) + b"\x00\x00"
    names = b"\0" + b"".join(name.encode("utf-16-le") + b"\0\0" for name in members)
    header += b"\x05" + _seven(len(members)) + b"\x11" + _seven(len(names)) + names
    if len(filled) < len(members):
        bits = sum(0x80 >> index for index, each in enumerate(members.values()) if not each)
        header += b"\x0e\x01" + bytes([bits])
    if modes:
        body = b"\x01\x00" + b"".join(struct.pack("<I", mode << 16 | 0x8000) for mode in modes)
        header += b"\x15" + _seven(len(body)) + body
    header += b"\x00\x00"
    start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + packed + header


def _coder(method, properties):
    own = _seven(len(properties)) + properties if properties else b""
    return bytes([len(method) | (0x20 if properties else 0)]) + method + own


def _seven(number):
    if number < 0x80:
        return bytes([number])
    return (
        b"\xf0" + struct.pack("<I", number) if number > 0x3FFF else bytes([0x80 | number >> 8, number & 0xFF])
    )


def lz4_stored(content):
    """An lz4 frame whose one block is stored."""
    block = struct.pack("<I", 0x80000000 | len(content)) + content
    return b"\x04\x22\x4d\x18\x60\x70\x73" + block + bytes(4)


def _snappy(kind, content):
    chunk = bytes(4) + content
    return b"\xff\x06\x00\x00sNaPpY" + bytes([kind]) + struct.pack("<I", len(chunk))[:3] + chunk


def snappy_stored(content):
    """Framed snappy whose one chunk is stored."""
    return _snappy(1, content)


def snappy_packed(content):
    """Framed snappy whose one chunk is packed, though of bytes as they are."""
    return _snappy(0, bytes([len(content), 60 << 2, len(content) - 1]) + content)


def zlib_with(content, *, window):
    """zlib with a window of its own."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    return packer.compress(content) + packer.flush()


def malicious():
    """Archives that hide something, lead outside, or that readers take differently."""
    return {name: data for name, (_, data) in tricks().items()}


def tricks():
    """As `malicious`, with the technique that each is about; that of a payload is `dangerous-callable`."""
    return {**_zip_tricks(), **_zip_frame_tricks(), **_tar_tricks(), **_nested_payloads()}


def overlapping():
    """Two members of the directory whose content is the same bytes."""
    whole = raw_zip([entry("a.pkl", STATE), entry("b.pkl", STATE)])
    at = whole.index(b"PK\x01\x02", whole.index(b"PK\x01\x02") + 4)
    # The second entry is sent into the first member, where a copy of its local header cannot be: readers differ.
    return whole[: at + 42] + struct.pack("<I", 8) + whole[at + 46 :]


def _zip_tricks():
    disagree, twice = "readers-disagree", "duplicate-member"
    good, bad = entry("m/data.pkl", STATE), entry("m/data.pkl", PAYLOAD)
    return {
        "duplicate.pt": (twice, raw_zip([good, bad])),
        "duplicate_in_case.pt": (twice, raw_zip([good, entry("m/DATA.pkl", PAYLOAD)])),
        "duplicate_by_backslash.pt": (twice, raw_zip([good, entry("m\\data.pkl", PAYLOAD)])),
        "duplicate_by_dot.pt": (twice, raw_zip([good, entry("./m//data.pkl", PAYLOAD)])),
        "name_differs.pt": (disagree, raw_zip([entry("m/data.txt", PAYLOAD, local={"name": b"m/data.pkl"})])),
        "method_differs.pt": (disagree, raw_zip([entry("m/data.pkl", STATE, local={"method": 8})])),
        "size_differs.pt": (disagree, raw_zip([entry("m/data.pkl", STATE, local={"size": 3, "packed": 3})])),
        "checksum_differs.pt": (disagree, raw_zip([entry("m/data.pkl", STATE, local={"crc": 1})])),
        "flags_differ.pt": (disagree, raw_zip([entry("m/data.pkl", STATE, local={"flags": 1})])),
        "checksum_wrong.pt": (
            disagree,
            raw_zip([entry("m/data.pkl", PAYLOAD, local={"crc": 1}, central={"crc": 1}), entry("m/version", b"3\n")]),
        ),
        "size_wrong.zip": (
            disagree,
            raw_zip([entry("a.pkl", STATE * 9, method=8, local={"size": 9}, central={"size": 9})]),
        ),
        "marked_encrypted.pt": (
            disagree,
            raw_zip([entry("m/data.pkl", PAYLOAD, local={"flags": 1}, central={"flags": 1})]),
        ),
        "name_with_nul.pt": (disagree, raw_zip([entry(b"m/data.pkl\0.txt", PAYLOAD)])),
        "second_name.pt": (
            disagree,
            raw_zip([entry("m/a.txt", PAYLOAD, extra=struct.pack("<HHBI", 0x7075, 15, 1, 0) + b"m/data.pkl")]),
        ),
        "overlapping.zip": (disagree, overlapping()),
        "parent.zip": ("outside-path", raw_zip([entry("a/../../evil.pkl", STATE)])),
        "absolute.zip": ("outside-path", raw_zip([entry("/etc/cron.d/x", b"x")])),
        "drive.zip": ("outside-path", raw_zip([entry("C:\\Windows\\x", b"x")])),
        "link.zip": ("outside-link", raw_zip([entry("l", b"../../etc", central={"mode": 0o120777})])),
        "claims_much.npz": (
            "bomb",
            raw_zip([entry("a.npy", bytes(4096), method=8, local={"size": 2**31}, central={"size": 2**31})]),
        ),
        "shared_bytes.zip": ("bomb", shared_bytes()),
        "overlap.zip": (
            disagree,
            raw_zip([entry("a.pkl", STATE + b"PK"), entry("b.pkl", STATE, central={"packed": len(STATE) + 4, "size": len(STATE) + 4})]),
        ),
    }  # fmt: skip


def _zip_frame_tricks():
    disagree = "readers-disagree"
    good = [entry("m/data.pkl", STATE), entry("m/version", b"3\n")]
    small, evil = raw_zip(good), plain_zip({"m/data.pkl": PAYLOAD})
    return {
        "hidden_member.zip": (disagree, raw_zip([entry("m/data.pkl", PAYLOAD, listed=False), *good])),
        "hidden_between.zip": (disagree, raw_zip([good[0], entry("x.pkl", PAYLOAD, listed=False), good[1]])),
        "gap.zip": ("hidden-data", raw_zip([entry("a", b"x", gap=PAYLOAD), *good])),
        "behind_the_end.zip": ("hidden-data", small + PAYLOAD),
        "before_the_start.zip": ("hidden-data", b"some words that nobody expects\n" + small),
        "two_archives.zip": (disagree, evil + small),
        "archive_in_comment.zip": (disagree, raw_zip(good, comment=evil)),
        "directory_of_no_length.whl": (disagree, raw_zip(good, length=0)),
        "count_too_small.zip": (disagree, raw_zip(good, count=1)),
        "several_disks.zip": (disagree, raw_zip(good, disk=1)),
        "pickle_and_zip.keras": ("polyglot", PAYLOAD + small),
        "picture_and_zip.keras": ("polyglot", b"GIF89a" + bytes(20) + small),
        "program_and_zip.zip": ("embedded-executable", b"\x7fELF\x02\x01\x01" + bytes(200) + small),
        "script_and_zip.zip": ("embedded-executable", b"#!/bin/sh\ntouch /tmp/x\nexit\n" + small),
        "prefixed_payload.keras": ("dangerous-callable", b"GIF89a" + bytes(20) + evil),
    }


def _tar_tricks():
    outside = "outside-link"
    device = tarfile.TarInfo("dev/sda")
    device.type = tarfile.BLKTYPE
    return {
        "parent.tar": ("outside-path", tar({"../../evil.pkl": STATE})),
        "absolute.tar": ("outside-path", tar({"/etc/cron.d/x": b"x"})),
        "link.tar": (outside, tar({"l": link("l", "../../etc"), "l/passwd": b"x"})),
        "absolute_link.nemo": (outside, tar({"l": link("l", "/etc")})),
        "hard_link.tar": (outside, tar({"l": link("l", "../../etc/passwd", tarfile.LNKTYPE)})),
        "link_by_way_of_a_link.tar": (outside, tar({"a/b": link("a/b", "."), "c": link("c", "a/b/../..")})),
        "pickle_and_tar.pt": ("polyglot", v7({PAYLOAD.decode("latin-1"): b"x" * 40})),
        "old_pickle_and_tar.pt": ("polyglot", v7({"cos\nsystem\n(S'true'\ntR.": b"x" * 40})),
        "device.tar": (outside, tar({"dev/sda": device})),
        "two_archives.tar": ("readers-disagree", tar({"a.txt": b"x"}) + tar({"m.pkl": PAYLOAD})),
        "behind_the_end.tar": ("hidden-data", tar({"a.txt": b"x"}) + PAYLOAD * 50),
        "extension_lies.tar": ("readers-disagree", _pax_size_lies()),
        "duplicate.tar": ("duplicate-member", tar({"m.pkl": STATE})[:1024] + tar({"m.pkl": PAYLOAD})),
        "payload_v7.tar": ("dangerous-callable", v7({"m.pkl": PAYLOAD})),
    }


def _nested_payloads():
    found = "dangerous-callable"
    deep = gzip.compress(tar({"a.zip": plain_zip({"x.bz2": bz2.compress(PAYLOAD)}, method=8)}), mtime=0)
    return {
        "deep.tar.gz": (found, deep),
        "two_streams.gz": (found, gzip.compress(PAYLOAD[:9], mtime=0) + gzip.compress(PAYLOAD[9:], mtime=0)),
        "cut_stream.gz": (found, gzip.compress(PAYLOAD + bytes(range(256)) * 40, mtime=0)[:-12]),
        "stream_with_a_tail.gz": ("hidden-data", gzip.compress(STATE, mtime=0) + b"words that follow"),
        "payload.xz": (found, lzma.compress(PAYLOAD)),
        "payload.lzma": (found, lzma.compress(PAYLOAD, lzma.FORMAT_ALONE)),
        "payload.zlib": (found, zlib.compress(PAYLOAD)),
        "payload.snappy": (found, snappy_stored(PAYLOAD)),
        "payload_packed.sz": (found, snappy_packed(PAYLOAD)),
        "payload_small_window.zlib": (found, zlib_with(PAYLOAD, window=9)),
        "payload_window.zlib": (found, zlib_with(PAYLOAD * 200, window=12)),
        "payload.lz4": (found, lz4_stored(PAYLOAD)),
        "payload.ar": (found, ar({"a.pkl": STATE, "m.pkl": PAYLOAD})),
        "payload.cpio": (found, cpio({"a.pkl": STATE, "m.pkl": PAYLOAD})),
        "payload.7z": (found, seven_zip({"a.txt": b"words", "m.pkl": PAYLOAD})),
        "payload_copied.7z": (found, seven_zip({"a.txt": b"words", "m.pkl": PAYLOAD}, method=b"\x00")),
        "payload_bz2.zip": (found, plain_zip({"m.pkl": PAYLOAD}, method=zipfile.ZIP_BZIP2)),
        "payload_lzma.zip": (found, plain_zip({"m.pkl": PAYLOAD}, method=zipfile.ZIP_LZMA)),
        "no_directory.zip": (found, plain_zip({"m.pkl": PAYLOAD}, method=8)[:90]),
    }


def benign():
    """Archives as real tools write them."""
    members = {"m/": b"", "m/a.pkl": STATE, "m/b.txt": b"words\n" * 50, "read me.md": b"# x\n"}
    small = plain_zip(members)
    return {
        "stored.zip": small,
        "deflated.whl": plain_zip(members, method=8),
        "bzip2.zip": plain_zip(members, method=zipfile.ZIP_BZIP2),
        "lzma.zip": plain_zip(members, method=zipfile.ZIP_LZMA),
        "streamed.jar": plain_zip(members, method=8, target=_Unseekable()),
        "large_headers.pt": zip64(),
        "torch.pt": torch_zip(),
        "empty.zip": plain_zip({}),
        "with_comment.zip": raw_zip([entry("a.pkl", STATE)], comment=b"0123456789abcdef0123456789abcdef01234567"),
        "aligned.apk": raw_zip([entry("a.txt", b"x", gap=bytes(61)), entry("b.txt", b"y")]),
        "signed.apk": raw_zip([entry("a.txt", b"x" * 99, gap=bytes(50) + b"id and signature" + b"APK Sig Block 42")]),
        "zipapp.pyz": b"#!/usr/bin/env python3\n" + small,
        "written_twice.whl": raw_zip([entry("a/x.py", b"x = 1\n"), entry("a/x.py", b"x = 1\n")]),
        "might_be_split.zip": b"PK\x07\x08" + small,
        "module.jmod": b"JM\x01\x00" + small,
        "links_inside.zip": raw_zip([entry("a/l", b"../b", central={"mode": 0o120777}), entry("b", b"x")]),
        "case_differs.jar": raw_zip([entry("a/A.class", b"\xca\xfe\xba\xbe1"), entry("a/a.class", b"\xca\xfe\xba\xbe2")]),
        "no_checksums.pt": raw_zip(
            [entry(name, data, local={"crc": 7}, central={"crc": 7}) for name, data in (("m/data.pkl", STATE), ("m/version", b"3\n"), ("m/byteorder", b"little"))]
        ),
        "paper.docx": plain_zip(
            {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>", "word/media/a.png": b"\x89PNG\r\n\x1a\n" + bytes(9)}, method=8
        ),
        **_benign_others(small),
    }  # fmt: skip


def _benign_others(small):
    members = {"m/a.pkl": STATE, "m/" + "long" * 40 + ".txt": b"words\n" * 100, "z.zip": small}
    links = {
        **members,
        "l": link("l", "m/a.pkl"),
        "m/h": link("m/h", "m/a.pkl", tarfile.LNKTYPE),
        "m/up": link("m/up", "../z.zip"),
    }
    whole = tar(links)
    return {
        "pax.tar": whole,
        "gnu.tar": tar(links, form=tarfile.GNU_FORMAT),
        "ustar.nemo": tar({"./model_config.yaml": b"a: 1\n", "./model_weights.ckpt": torch_zip()}, form=tarfile.USTAR_FORMAT),
        "old.tar": v7({"a.txt": b"words", "m.pkl": STATE}),
        "appended.tar": tar({"a.txt": b"1"})[:1024] + tar({"a.txt": b"22"}),
        "model.tar.gz": gzip.compress(whole, mtime=0),
        "two_streams.tar.gz": gzip.compress(whole[:700], mtime=0) + gzip.compress(whole[700:], mtime=0),
        "model.tar.bz2": bz2.compress(whole),
        "model.tar.xz": lzma.compress(whole),
        "state.snappy": snappy_stored(STATE),
        "state_packed.sz": snappy_packed(STATE),
        "state_small_window.zlib": zlib_with(STATE * 30, window=10),
        "zip_in_gzip.gz": gzip.compress(small, mtime=0),
        "state.pkl.lz4": lz4_stored(STATE),
        "state.pkl.lzma": lzma.compress(STATE, lzma.FORMAT_ALONE),
        "library.a": ar({"a.txt": b"words", "b.pkl": STATE}),
        "image.cpio": cpio({"a.txt": b"words", "b.pkl": STATE}),
        "model.7z": seven_zip({"a.txt": b"words" * 40, "b.pkl": STATE}),
        "copied.7z": seven_zip({"a.txt": b"words", "b.pkl": STATE}, method=b"\x00"),
    }  # fmt: skip
