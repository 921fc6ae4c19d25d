"""Uploads: many, large, compressed to nothing."""

import asyncio
import gzip
import io
import tarfile
import zipfile
import zlib

from tests.abuse.enemy import Enemy

ZEROS = bytes(64 << 20)


def _zip(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


CONTENT_TYPES = (
    b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType='
    b'"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)


def _workbook(sheet: bytes) -> bytes:
    rel = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = b"http://schemas.openxmlformats.org/package/2006/relationships"
    one = b'<Relationships xmlns="%b"><Relationship Id="r1" Type="%b/%b" Target="%b"/></Relationships>'
    return _zip(
        {
            "[Content_Types].xml": CONTENT_TYPES,
            "_rels/.rels": one % (package, rel, b"officeDocument", b"xl/workbook.xml"),
            "xl/_rels/workbook.xml.rels": one % (package, rel, b"worksheet", b"sheet1.xml"),
            "xl/workbook.xml": b'<workbook xmlns="%b" xmlns:r="%b"><sheets><sheet name="a" sheetId="1" r:id="r1"/>'
            b"</sheets></workbook>" % (main, rel),
            "xl/sheet1.xml": b'<worksheet xmlns="%b"><sheetData>%b</sheetData></worksheet>' % (main, sheet),
        }
    )


async def zip_of_zeros(enemy: Enemy) -> None:
    """Archives of 40 files of 64 MB of zeros."""
    data = await asyncio.to_thread(lambda: _zip({f"f{n}": ZEROS for n in range(8)}))
    await enemy.many(10, lambda: enemy.analyze(("zeros.zip", data)), 2)


async def zip_in_zip(enemy: Enemy) -> None:
    """Archives in archives, ten levels deep."""

    def nested() -> bytes:
        data = _zip({f"f{n}": ZEROS for n in range(3)})
        for level in range(10):
            data = _zip({f"{level}-{n}.zip": data for n in range(3)})
        return data

    data = await asyncio.to_thread(nested)
    await enemy.many(10, lambda: enemy.analyze(("nested.zip", data)), 2)


async def zip_of_many_names(enemy: Enemy) -> None:
    """An archive with a hundred thousand empty files."""
    data = await asyncio.to_thread(lambda: _zip({f"{n}/" * 5 + "x": b"" for n in range(100_000)}))
    await enemy.many(10, lambda: enemy.analyze(("names.zip", data)), 2)


async def tar_and_gzip(enemy: Enemy) -> None:
    """Compressed tars with links, devices and sparse files, and gzipped gzips."""

    def made() -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
            for number in range(3000):
                info = tarfile.TarInfo("../" * 20 + str(number))
                info.type = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)[number % 4]
                info.linkname = "/etc/passwd"
                tar.addfile(info)
            info = tarfile.TarInfo("zeros")
            info.size = len(ZEROS)
            tar.addfile(info, io.BytesIO(ZEROS))
        return out.getvalue()

    data = await asyncio.to_thread(made)
    twice = await asyncio.to_thread(lambda: gzip.compress(gzip.compress(ZEROS * 4, 1)))
    await enemy.analyze(("a.tar.gz", data), ("b.csv.gz", twice), ("c.gz", twice))


async def workbook_bomb(enemy: Enemy) -> None:
    """A workbook with five million rows in a few kilobytes."""
    data = await asyncio.to_thread(lambda: _workbook(b"<row><c><v>1</v></c></row>" * 5_000_000))
    await enemy.many(10, lambda: enemy.analyze(("rows.xlsx", data)), 2)


async def workbook_of_columns(enemy: Enemy) -> None:
    """Workbooks whose cells claim to be far away."""
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    wide = b"<row>" + b"<c><v>1</v></c>" * 1_000_000 + b"</row>"
    made = [await asyncio.to_thread(_workbook, sheet) for sheet in (far, wide)]
    await enemy.many(6, lambda: enemy.analyze(("far.xlsx", made[0]), ("wide.xlsx", made[1])), 2)


async def document_bomb(enemy: Enemy) -> None:
    """A Word document whose XML is 500 MB of one letter, and one with entities of entities."""
    head = b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>'
    entities = b"".join(b'<!ENTITY l%d "%b">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    laughs = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">' + entities + b"]>" + head + b"&l9;"

    def made(body: bytes) -> bytes:
        rel = (
            b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" '
            b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
            b'Target="word/document.xml"/></Relationships>'
        )
        types = CONTENT_TYPES.replace(b"/xl/workbook.xml", b"/word/document.xml").replace(
            b"spreadsheetml.sheet.main", b"wordprocessingml.document.main"
        )
        return _zip({"[Content_Types].xml": types, "_rels/.rels": rel, "word/document.xml": body})

    huge = await asyncio.to_thread(lambda: made(head + b"x" * (500 << 20)))
    await enemy.many(6, lambda: enemy.analyze(("huge.docx", huge), ("laughs.docx", made(laughs))), 2)


async def tiny_uploads(enemy: Enemy) -> None:
    """Fifty files a request, as many requests as possible."""
    files = [(f"tiny{n}.txt", str(n).encode()) for n in range(50)]
    await enemy.many(60, lambda: enemy.upload(*files), 8)


async def large_uploads(enemy: Enemy) -> None:
    """Uploads of 60 MB, eight at a time."""
    await enemy.many(16, lambda: enemy.upload(("large.bin", ZEROS[: 60 << 20])), 8)


async def unfinished_uploads(enemy: Enemy) -> None:
    """Uploads of 50 MB that stop before their end."""
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + ZEROS[: 50 << 20]

    async def one() -> None:
        async with enemy.connection() as (_, writer):
            lines = (
                f"POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {enemy.token}\r\n"
                f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(head) + 100}\r\n\r\n"
            )
            writer.write(lines.encode() + head)
            await asyncio.sleep(60)

    await enemy.many(20, one, 20)


async def hostile_file_names(enemy: Enemy) -> None:
    """Names of 255 bytes, of dots, slashes, markup, line ends and directions."""
    names = (
        "a" * 255,
        "é" * 127,
        "..",
        "/etc/passwd",
        "a\r\nX: y",
        "\u202egnp.exe",
        "<img src=x>",
        "CON",
        "a" * 5000,
        "\x00",
    )
    for name in names:
        for stored in await enemy.upload((name, b"x,y\n1,2\n")):
            await enemy.get(f"/api/files/{stored}")
            await enemy.tool("file_analyzer", filename=stored)


async def compressed_body(enemy: Enemy) -> None:
    """Bodies that claim to be compressed."""
    data = zlib.compress(ZEROS)
    for encoding in ("gzip", "deflate", "br", "gzip, gzip"):
        await enemy.send(
            "POST",
            "/v1/chat/completions",
            content=data,
            headers={"Content-Encoding": encoding, "Content-Type": "application/json"},
        )
