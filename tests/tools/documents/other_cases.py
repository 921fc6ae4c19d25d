"""Presentations, OpenDocument, RTF, e-books, e-mails and pages."""

import io
import zipfile
from email.message import EmailMessage

import pptx
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.presentation import Presentation
from pptx.util import Inches

from tests.tools.documents.case import Case
from tests.tools.documents.compound_file import compound_file
from tests.tools.files.hostile import member, remade

AREA = (Inches(1), Inches(2), Inches(5), Inches(3))
OFFICE = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
    'xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0" '
    'xmlns:chart="urn:oasis:names:tc:opendocument:xmlns:chart:1.0" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


def saved(presentation: Presentation) -> bytes:
    out = io.BytesIO()
    presentation.save(out)
    return out.getvalue()


def charts() -> bytes:
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    assert slide.shapes.title is not None
    slide.shapes.title.text = "Fleet"
    data = CategoryChartData(number_format="0%")  # type: ignore[no-untyped-call]
    data.categories = ["Harbour", "Canal"]
    data.add_series("Tugboats", (0.37, 0.63))  # type: ignore[no-untyped-call]
    data.add_series("Barges", (0.81, None))  # type: ignore[no-untyped-call]
    chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *AREA, data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Share of the fleet"
    points = XyChartData()  # type: ignore[no-untyped-call]
    series = points.add_series("Draught")  # type: ignore[no-untyped-call]
    series.add_data_point(12, 3.75)
    slide.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, *AREA, points)
    return saved(presentation)


def slides() -> bytes:
    """Notes, a group, a table, a description, a hidden slide, a shape with an older alternative."""
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    assert slide.shapes.title is not None
    slide.shapes.title.text = "Orchard"
    group = slide.shapes.add_group_shape()
    inner = group.shapes.add_group_shape()
    inner.shapes.add_textbox(0, 0, 100, 100).text_frame.text = "Pickers start in row 31."
    table = slide.shapes.add_table(2, 2, *AREA).table
    for at, text in enumerate(("Tree", "Crates", "Damson", "118")):
        table.cell(at // 2, at % 2).text = text
    notes = slide.notes_slide.notes_text_frame
    assert notes is not None
    notes.text = "Mention the frost of April."
    hidden = presentation.slides.add_slide(presentation.slide_layouts[5])
    assert hidden.shapes.title is not None
    hidden.shapes.title.text = "Fallback price 52 per crate"
    hidden._element.set("show", "0")
    data = saved(presentation)
    text = member(data, "ppt/slides/slide1.xml").decode()
    shape = (
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">{}'
        "</mc:AlternateContent></p:spTree>"
    )
    body = "<p:sp><p:nvSpPr><p:cNvPr id='90' name='x'/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p><a:r><a:t>Ladder limit 140 kg</a:t></a:r></a:p></p:txBody></p:sp>"  # noqa: E501
    both = f"<mc:Choice Requires='a14'>{body}</mc:Choice><mc:Fallback>{body}</mc:Fallback>"
    return remade(data, {"ppt/slides/slide1.xml": text.replace("</p:spTree>", shape.format(both)).encode()})


def slideshow() -> bytes:
    """A `.ppsx`, which python-pptx does not open."""
    data = slides()
    types = member(data, "[Content_Types].xml").decode().replace("presentation.main+xml", "slideshow.main+xml")
    return remade(data, {"[Content_Types].xml": types.encode()})


def open_document(kind: str, content: str, styles: str = "", **parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        body = f"<office:body><office:{kind}>{content}</office:{kind}></office:body>"
        archive.writestr("content.xml", f"<office:document-content {OFFICE}>{body}</office:document-content>")
        archive.writestr("styles.xml", f"<office:document-styles {OFFICE}>{styles}</office:document-styles>")
        for name, xml in parts.items():
            archive.writestr(
                f"{name}/content.xml", f"<office:document-content {OFFICE}>{xml}</office:document-content>"
            )
    return out.getvalue()


def open_text() -> bytes:
    changes = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>9 hives</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes>"
    )
    note = (
        '<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body>'
        "<text:p>Counted in spring.</text:p></text:note-body></text:note>"
    )
    remark = "<office:annotation><dc:creator>Ute</dc:creator><text:p>Check the count.</text:p></office:annotation>"
    box = "<draw:frame><draw:text-box><text:p>Smoker in shed 4</text:p></draw:text-box></draw:frame>"
    cells = "".join(
        f"<table:table-cell><text:p>{text}</text:p></table:table-cell>" for text in ("Honey", "204<text:s/>jars")
    )
    return open_document(
        "text",
        f'{changes}<text:h text:outline-level="1">Apiary</text:h><text:section><text:p>There are 26 '
        f"<text:span>hives</text:span>{note}{remark}{box} behind the barn.</text:p></text:section>"
        f"<table:table><table:table-row>{cells}</table:table-row></table:table>",
        "<office:master-styles><style:master-page><style:header><text:p>Register B-7</text:p></style:header>"
        "</style:master-page></office:master-styles>",
    )


def open_slides() -> bytes:
    rows = "".join(
        f"<table:table-row>{''.join(f'<table:table-cell><text:p>{text}</text:p></table:table-cell>' for text in row)}"
        "</table:table-row>"
        for row in (("", "Cars"), ("Monday", "418"))
    )
    chart = (
        "<office:body><office:chart><chart:chart><chart:title><text:p>Cars a day</text:p></chart:title><table:table>"
        f"<table:table-header-rows/><table:table-rows>{rows}</table:table-rows></table:table></chart:chart>"
        "</office:chart></office:body>"
    )
    return open_document(
        "presentation",
        '<draw:page><draw:frame><draw:object xlink:href="./Chart"/></draw:frame>'
        '<draw:frame presentation:class="title"><draw:text-box><text:p>Ferry plan</text:p></draw:text-box>'
        "</draw:frame><draw:frame><draw:text-box><text:list><text:list-item><text:p>Departure 06:15</text:p>"
        "</text:list-item></text:list></draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box>"
        "<text:p>Pier two on Sundays</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>",
        Chart=chart,
    )


RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fswiss\fcharset0 Arial;}}{\header\pard Docket 88-F\par}\pard "
    rb"The caf\'e9 rent is {\deleted 300}{\revised 475} a month.{\footnote\pard Heating included.}\par "
    rb"{\v Inner limit 500}\par}"
)


def book() -> bytes:
    container = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    package = (
        '<package><metadata><title xmlns="http://purl.org/dc/elements/1.1/">Fables</title></metadata><manifest>'
        '<item id="two" href="two.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="one" href="one.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="one"/><itemref idref="two"/></spine></package>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("OEBPS/book.opf", package)
        archive.writestr("OEBPS/one.xhtml", "<html><body><h1>The Heron</h1><p>The heron ate 19 eels.</p></body></html>")
        archive.writestr("OEBPS/two.xhtml", "<html><body><h1>The Mole</h1><p>The mole dug west.</p></body></html>")
    return out.getvalue()


def mail() -> bytes:
    """A message in HTML with an attachment and a forwarded message."""
    inner = EmailMessage()
    inner["From"], inner["Subject"], inner["To"] = "cook@example.org", "Menu", "crew@example.org"
    inner.set_content("The soup needs 7 litres of stock.")
    message = EmailMessage()
    message["From"], message["To"] = "Ruth Fenn <ruth@example.org>", "crew@example.org"
    message["Date"], message["Subject"] = "Mon, 03 Mar 2031 09:00:00 +0000", "Galley duty – März"
    message.set_content("<p>Your <b>locker</b> is number 233.</p>", subtype="html")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="roster.pdf")
    message.add_attachment(inner)
    return message.as_bytes()


def outlook() -> bytes:
    def text(words: str) -> bytes:
        return words.encode("utf-16-le")

    return compound_file(
        {
            "__properties_version1.0": b"",
            "__substg1.0_0037001F": text("Möwen"),
            "__substg1.0_0C1A001F": text("Ann Berg"),
            "__substg1.0_1000001F": text("The gull took 3 herrings."),
            "__attach_version1.0_#00000000/__substg1.0_3707001F": text("beach.pdf"),
        }
    )


def page() -> bytes:
    return (
        b"<!DOCTYPE html><html><head><title>Port office</title></head><body><p>Berths are given out daily.</p>"
        b"<img src='x.png' alt='Map: office in house 12'><form><label>Name <input value='Nell Voss'></label>"
        b"<textarea>Arrives at 17:40</textarea><select><option>sail</option><option selected>steam</option></select>"
        b"<input type='hidden' value='token'><input type='checkbox' checked> pilot wanted</form></body></html>"
    )


CASES = [
    Case(
        "charts.pptx",
        charts,
        "What is the share of tugboats and barges in the harbour?",
        ("Chart: Share of the fleet", "Tugboats | Barges", "Harbour | 37% | 81%", "12 | 3.75"),
    ),
    Case(
        "slides.pptx",
        slides,
        "Where do the pickers start, and what is the ladder limit?",
        ("Pickers start in row 31.", "Damson | 118", "Notes: Mention the frost of April.", "Ladder limit 140 kg",
         "Fallback price 52 per crate\\nThis slide is hidden."),
        analyzed=False,
    ),
    Case("show.ppsx", slideshow, "Where do the pickers start?", ("Pickers start in row 31.",)),
    Case(
        "apiary.odt",
        open_text,
        "How many hives are there, and how many jars of honey?",
        ("There are 26 hives behind the barn.", "[Footnote: Counted in spring.]", "[Comment by Ute: Check the count.]",
         "Smoker in shed 4", "Honey | 204 jars", "Header: Register B-7"),
        ("9 hives",),
    ),
    Case(
        "ferry.odp",
        open_slides,
        "When is the departure of the ferry?",
        ("Departure 06:15", "Notes: Pier two on Sundays", "Chart: Cars a day", "Monday | 418"),
    ),
    Case(
        "rent.rtf",
        lambda: RTF,
        "How high is the rent of the café?",
        ("The café rent is 475 a month.", "[Footnote: Heating included.]", "[Hidden text: Inner limit 500]",
         "Header: Docket 88-F"),
        ("300",),
    ),
    Case("fables.epub", book, "How many eels did the heron eat?", ("The heron ate 19 eels.",)),
    Case(
        "gull.msg",
        outlook,
        "What did the gull take?",
        ("From: Ann Berg", "Subject: Möwen", "The gull took 3 herrings.", "Attachments: beach.pdf"),
    ),
    Case(
        "port.html",
        page,
        "Who arrives, and where is the office?",
        ("Berths are given out daily.", "[Picture: Map: office in house 12]", "Name Nell Voss", "Arrives at 17:40",
         "steam", "☒ pilot wanted"),
        ("token", "sail"),
    ),
    Case(
        "duty.eml",
        mail,
        "Which locker is it, and how much stock does the soup need?",
        ("From: Ruth Fenn <ruth@example.org>", "Galley duty – März", "Your locker is number 233.",
         "Attachments: roster.pdf", "The soup needs 7 litres of stock."),
        analyzed=False,
    ),
]  # fmt: skip
