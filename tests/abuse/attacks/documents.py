"""Files that are hard to read."""

import asyncio
import io
import struct
import zlib

from tests.abuse.enemy import Enemy


def _png(width: int, height: int, data: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


async def _look(enemy: Enemy, name: str, data: bytes) -> None:
    for stored in await enemy.upload((name, data)):
        await enemy.tool("vision_analyzer", filename=stored)
        await enemy.tool("file_analyzer", filename=stored)


async def giant_image(enemy: Enemy) -> None:
    """A PNG of 60,000 × 60,000 pixels in 500 kB."""
    data = await asyncio.to_thread(lambda: _png(60_000, 60_000, zlib.compress(bytes(450_000_000), 1)))
    await enemy.many(8, lambda: _look(enemy, "giant.png", data), 4)


async def image_below_the_limit(enemy: Enemy) -> None:
    """A PNG of 12,000 × 12,000 pixels."""
    data = await asyncio.to_thread(lambda: _png(12_000, 12_000, zlib.compress(bytes(18_012_000), 1)))
    await enemy.many(8, lambda: _look(enemy, "large.png", data), 4)


async def damaged_images(enemy: Enemy) -> None:
    """Images of all kinds with wrong heads."""
    heads = (
        b"GIF89a\xff\xff\xff\xff",
        b"BM" + b"\xff" * 60,
        b"II*\0\x08\0\0\0\xff\xff",
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
    )
    for head in (*heads, b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\xff\xff", b"8BPS\0\x01"):
        await _look(enemy, "image.png", head + b"\xff" * 10_000)


async def svg_and_html(enemy: Enemy) -> None:
    """Markup with entities, a million elements, and links."""
    laughs = (
        '<!DOCTYPE x [<!ENTITY a "lol">'
        + "".join(f'<!ENTITY a{n} "{"&a;" * 10}">' for n in range(9))
        + "]><svg>&a8;</svg>"
    )
    await enemy.analyze(
        ("a.svg", laughs.encode()),
        ("b.xml", b"<a>" * 1_000_000),
        ("c.html", b"<div>" * 1_000_000 + b"x"),
        ("d.xml", b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'),
    )


async def pdf_of_many_objects(enemy: Enemy) -> None:
    """A PDF with 300,000 objects and a page tree that contains itself."""

    def made() -> bytes:
        out = io.BytesIO(b"%PDF-1.7\n")
        out.seek(0, 2)
        out.write(
            b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 99999/Kids[2 0 R 3 0 R]>>endobj\n"
        )
        for number in range(3, 300_000):
            out.write(b"%d 0 obj<</Type/Page/Parent 2 0 R/Contents %d 0 R>>endobj\n" % (number, number + 1))
        out.write(b"trailer<</Root 1 0 R/Size 300000>>\n%%EOF")
        return out.getvalue()

    data = await asyncio.to_thread(made)
    await enemy.many(8, lambda: enemy.analyze(("objects.pdf", data)), 2)


async def pdf_bomb(enemy: Enemy) -> None:
    """A PDF whose page is compressed five times."""

    def made() -> bytes:
        data = b"BT (x) Tj ET " * 20_000_000
        for _ in range(5):
            data = zlib.compress(data, 1)
        filters = b"[" + b"/FlateDecode" * 5 + b"]"
        body = b"4 0 obj<</Length %d/Filter%b>>stream\n%b\nendstream endobj\n" % (len(data), filters, data)
        tree = b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n"
        page = b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n"
        return b"%PDF-1.7\n" + tree + page + body + b"trailer<</Root 1 0 R/Size 5>>\n%%EOF"

    data = await asyncio.to_thread(made)
    await enemy.many(8, lambda: enemy.analyze(("bomb.pdf", data)), 2)


async def table_of_a_million_columns(enemy: Enemy) -> None:
    """A CSV file with a million columns."""
    data = (",".join(f"c{n}" for n in range(1_000_000)) + "\n" + "1," * 999_999 + "1\n").encode()
    await enemy.many(6, lambda: enemy.analyze(("wide.csv", data)), 2)


async def table_of_one_line(enemy: Enemy) -> None:
    """A CSV file that is a single line of 60 MB, and one that is a single quoted cell."""
    line, quoted = b"x" * (60 << 20), b'"' + b"a\n" * (15 << 20)
    await enemy.many(3, lambda: enemy.analyze(("line.csv", line)), 1)
    await enemy.many(3, lambda: enemy.analyze(("quoted.csv", quoted)), 1)


async def table_of_many_rows(enemy: Enemy) -> None:
    """A CSV file of 60 MB with ten million rows."""
    await enemy.many(6, lambda: enemy.analyze(("rows.csv", b"a,b\n" + b"1,22\n" * 12_000_000)), 2)


async def deep_json(enemy: Enemy) -> None:
    """JSON files: a million lists, a million keys, numbers of a million digits."""
    await enemy.analyze(
        ("deep.json", b"[" * 1_000_000 + b"]" * 1_000_000),
        ("keys.json", ("{" + ",".join(f'"k{n}": 1' for n in range(1_000_000)) + "}").encode()),
        ("digits.json", b"[" + b"9" * 5_000_000 + b"]"),
        ("lines.jsonl", b'{"a": {"b": [1, 2]}}\n' * 1_000_000),
    )


async def notebooks_and_mails(enemy: Enemy) -> None:
    """Notebooks, mails and databases with hostile contents."""
    mail = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 100_000
    )
    await enemy.analyze(
        ("a.eml", mail),
        ("b.ipynb", b'{"cells": [' + b'{"cell_type": "code", "source": "x", "outputs": []},' * 300_000 + b"{}]}"),
        ("c.sqlite", b"SQLite format 3\0" + b"\xff" * 100_000),
        ("d.parquet", b"PAR1" + b"\xff" * 1000 + b"\xff\xff\xff\x7fPAR1"),
        ("e.rtf", b"{\\rtf1" + b"{" * 1_000_000),
        ("f.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 100_000),
    )


async def encodings(enemy: Enemy) -> None:
    """Texts of 30 MB in encodings that are hard to tell."""
    texts = (bytes(range(128, 256)) * 250_000, b"\xff\xfe" + b"\xd8\x00" * 10_000_000, b"\x1b$B" * 10_000_000)
    await enemy.analyze(*((f"text{n}.txt", text) for n, text in enumerate(texts)))
