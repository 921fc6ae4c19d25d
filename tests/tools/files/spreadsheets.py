"""Spreadsheets of several formats, made for tests."""

import base64
import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

Rows: TypeAlias = list[list[Any]]


def workbook(*sheets: Callable[[Worksheet], None] | Rows, **properties: Any) -> bytes:
    """A workbook whose sheets have these rows, or are filled by these functions."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for key, value in properties.items():
        setattr(book, key, value)
    for at, fill in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet{at + 1}")
        if callable(fill):
            fill(sheet)
        else:
            add(sheet, *fill)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def add(sheet: Worksheet, *rows: Sequence[Any]) -> None:
    for row in rows:
        sheet.append(list(row))


OLD = (
    "c-rk)OGs2v82;{S9=>KQ6*Q1R$jU^BHf?lzn64DlvIjwp<4uPd<__2E!WLzj%OYr1v=MC4#vY5_NkNMifl`Yg2()O`Dkx~7-v0B?y{40a10^"
    "W;yWIbr^Pls7=Rfar@AOpZ%-FrES>&Jz3Kr}jd`ol^y+Jn-2Ibqfh`M2bUfaXELNGuB>C^DE_>EtTp&0L3$hfP%Bnf<?_ariCH`01!4Y8knh"
    ")KeSMv@Y4lBNWe?A0cgah97|-r<tZSng%bWtNRpc1AjZsc3uM9%mLGlWRDy1cLV=+k9ZnE|lZ7n8oL>O4+g+_L+%TYMo_Nt3?<G4QQ*L)=iN"
    "P;T8&j=H`aBwua+`8I;jrkK>0O0lvGd`bEUkudQAJ>3=TQ`~RX3&>-gOugNMf4Er=Ml2H_+TNODPx-27}oI@Iglq}>`lhs9xGZCv_j|}u1nE"
    "~3g55z3J&oGB*zI2#I?_k{0fFtRIH9%okA|2N$jAb$@otQIv%%mWt>q*kKn1cyR0lM`*N*y+=SgJsr61=N~m+dOWyxNLL_9DdbQeJamYS!HC"
    "Z*SXrI-;joGt4JR_Pp6Dng<&fgasLwa1N6~<kYdnPL>y$bqmL<Se8*YP*~eh?nGKfxXdNat)+T)Gu}nFEs1ZZ_~_R|kE%yMM|V(sqILFc*~I"
    "(k7;5PJ>m_^fjG$hsmu_4acpP;@$=RDevaI}Lp9;uf$9LN~R702-E0a*la+3N8+&kh?*g{^xLS_rmN7<CypV^emwr)zHl<L&3tiYu(SHLN+F"
    "c*y{o>OZS=BnfQbN`j>c%<gAOp>+gv_WvF%;9r5ROaYpjt7ez+6ta%%n@{0G-mNTEE=;^Fw2ug7Ey<i!{TEW(W~cVkrH-SDD{O$M`2H0C}@("
    "&E75gya{NXCJb3Wn!Gi}69yTJx{ZZyyQ1(8pIk$Dc^IvD4-UaVB$%aKI40<g3s60qtiWW=^<u!jQph+&5v`QQIf1$ups@+5qJ?uv^@A*sjd1"
    "+~TR&5ymcS|VW`WN!?^FP=B3+@a2um"
)
"""A workbook of Excel 97: a title, cells merged downwards, dates, a total."""


def old_workbook() -> bytes:
    return zlib.decompress(base64.b85decode(OLD))


TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"


def archive(members: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in members.items():
            made.writestr(name, data)
    return out.getvalue()


def ods(rows: str) -> bytes:
    content = (
        f'<office:document-content xmlns:office="{OFFICE}" xmlns:table="{TABLE}" xmlns:text="{TEXT}"><office:body>'
        f'<office:spreadsheet><table:table table:name="Stock">{rows}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    mime = "application/vnd.oasis.opendocument.spreadsheet"
    return archive({"mimetype": mime, "META-INF/manifest.xml": "<manifest/>", "content.xml": content})


def cell(value: object, attributes: str = "") -> str:
    kind = "float" if isinstance(value, int | float) else "string"
    number = f' office:value="{value}"' if kind == "float" else ""
    return (
        f'<table:table-cell office:value-type="{kind}"{number} {attributes}><text:p>{value}</text:p></table:table-cell>'
    )


def row(*cells: str, attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


def row_of(values: Iterable[object]) -> str:
    return row(*map(cell, values))
