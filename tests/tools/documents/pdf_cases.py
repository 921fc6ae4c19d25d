"""PDF files whose text is in forms, annotations, turned pages or pictures."""

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfWriter
from pypdf.annotations import FreeText, Highlight, Text
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    TextStringObject,
)
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.tools.documents.case import Case


def drawn(draw: Callable[[Canvas], None], **options: object) -> bytes:
    """A PDF of what `draw` puts on its pages."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, **options)  # type: ignore[arg-type]
    draw(canvas)
    canvas.save()
    return out.getvalue()


def form() -> bytes:
    """Fields with labels left, above and right; a choice, a group, boxes, a password."""

    def draw(canvas: Canvas) -> None:
        fields = canvas.acroForm
        canvas.drawString(50, 735, "Owner:")
        fields.textfield(name="a1", x=150, y=730, width=100, height=20, value="Tilda Moor")
        canvas.drawString(270, 735, "Chassis no.:")
        fields.textfield(name="a2", x=350, y=730, width=150, height=20, value="WVX 5520 B")
        canvas.drawString(50, 700, "Cover")
        fields.choice(
            name="a3",
            x=50,
            y=675,
            width=150,
            height=20,
            value="C2",
            options=[("Third party", "C1"), ("Full cover", "C2")],
        )
        fields.checkbox(name="a4", x=50, y=640, size=16, checked=True)
        canvas.drawString(75, 643, "Winter tyres fitted")
        canvas.drawString(50, 613, "Garage")
        for at, place in enumerate(("street", "carport")):
            fields.radio(name="a5", value=place, x=120 + at * 100, y=610, selected=place == "carport")
            canvas.drawString(145 + at * 100, 613, f"in the {place}")
        fields.textfield(name="a6", tooltip="Policy number", x=50, y=570, width=150, height=20, value="P-60-77")
        canvas.drawString(50, 545, "PIN")
        fields.textfield(name="a7", x=150, y=540, width=100, height=20, value="hunter2", fieldFlags="password")

    return drawn(draw)


def bare_form() -> bytes:
    """Values without an appearance, inherited by the places of a field, and a field without any place."""
    writer = PdfWriter(io.BytesIO(drawn(lambda canvas: canvas.drawString(50, 705, "Harvest year:"))))
    page = writer.pages[0]
    parent = DictionaryObject(
        {NameObject("/FT"): NameObject("/Tx"), NameObject("/T"): TextStringObject("harvest"),
         NameObject("/V"): TextStringObject("1997 late")}
    )  # fmt: skip
    owner = writer._add_object(parent)
    rectangle = ArrayObject([FloatObject(side) for side in (150, 700, 300, 720)])
    widget = writer._add_object(
        DictionaryObject(
            {NameObject("/Type"): NameObject("/Annot"), NameObject("/Subtype"): NameObject("/Widget"),
             NameObject("/Rect"): rectangle, NameObject("/Parent"): owner}
        )
    )  # fmt: skip
    parent[NameObject("/Kids")] = ArrayObject([widget])
    lost = writer._add_object(
        DictionaryObject(
            {NameObject("/FT"): NameObject("/Tx"), NameObject("/T"): TextStringObject("vintner_name"),
             NameObject("/V"): TextStringObject("Jonas Quell")}
        )
    )  # fmt: skip
    page[NameObject("/Annots")] = ArrayObject([widget])
    fields = DictionaryObject({NameObject("/Fields"): ArrayObject([owner, lost])})
    writer.root_object[NameObject("/AcroForm")] = writer._add_object(fields)
    return written(writer)


def xfa_form() -> bytes:
    writer = PdfWriter(io.BytesIO(drawn(lambda canvas: canvas.drawString(50, 705, "Please wait..."))))
    data = DecodedStreamObject()
    data.set_data(
        b'<xfa:datasets xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/"><xfa:data><form><taxNumber>DE-881-402'
        b"</taxNumber></form></xfa:data></xfa:datasets>"
    )
    packets = ArrayObject([TextStringObject("datasets"), writer._add_object(data)])
    form_ = DictionaryObject({NameObject("/Fields"): ArrayObject(), NameObject("/XFA"): packets})
    writer.root_object[NameObject("/AcroForm")] = writer._add_object(form_)
    return written(writer)


def annotated() -> bytes:
    writer = PdfWriter(io.BytesIO(drawn(lambda canvas: canvas.drawString(50, 700, "The vault opens at nine sharp."))))
    note = Text(text="Move this to half past ten.", rect=(300, 700, 320, 720))
    note[NameObject("/T")] = TextStringObject("Gerd")
    writer.add_annotation(0, note)
    writer.add_annotation(0, FreeText(text="Spare key: box 61", rect=(50, 600, 200, 620)))
    corners = ArrayObject([FloatObject(side) for side in (50, 715, 240, 715, 50, 695, 240, 695)])
    mark = Highlight(rect=(50, 695, 240, 715), quad_points=corners)
    mark[NameObject("/Contents")] = TextStringObject("really?")
    writer.add_annotation(0, mark)
    return written(writer)


def written(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def turned() -> bytes:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(90)
        canvas.rotate(90)
        canvas.drawString(100, -200, "The tide table lists high water")
        canvas.drawString(100, -215, "at 04:52 on Friday.")
        canvas.showPage()
        canvas.saveState()
        canvas.translate(300, 100)
        canvas.rotate(90)
        canvas.drawString(0, 0, "Margin remark: buoy 9 is missing.")
        canvas.restoreState()

    return drawn(draw)


def columns() -> bytes:
    def draw(canvas: Canvas) -> None:
        for x, lines in (
            (50, ["The observatory was founded", "by the astrono-", "mer Lucia Venn in 1904."]),
            (320, ["Its largest telescope has", "a mirror of 2.4 metres."]),
        ):
            text = canvas.beginText(x, 700)
            for line in lines:
                text.textLine(line)
            canvas.drawText(text)

    return drawn(draw)


def encrypted(password: str) -> bytes:
    writer = PdfWriter(io.BytesIO(drawn(lambda canvas: canvas.drawString(50, 700, "The cellar code is 55-71-02."))))
    writer.encrypt(user_password=password, owner_password="boss", algorithm="AES-256")
    return written(writer)


def picture_of(lines: list[str], size: tuple[int, int] = (1240, 1754)) -> Image.Image:
    """A scanned page."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for at, line in enumerate(lines):
        draw.text((120, 160 + at * 90), line, fill="black", font=ImageFont.load_default(size=40))
    return image


def scan() -> bytes:
    """A page with text, a scanned one, a scanned one with a stamp as its only text, an empty one."""

    def draw(canvas: Canvas) -> None:
        canvas.drawString(50, 700, "Cover sheet of the survey, with enough words to be a text layer of its own.")
        canvas.showPage()
        canvas.drawImage(ImageReader(picture_of(["Plot 17 measures 830 square metres."])), 0, 0, *A4)
        canvas.showPage()
        canvas.drawImage(ImageReader(picture_of(["The boundary stone lies by the willow."])), 0, 0, *A4)
        canvas.drawString(500, 20, "Scan 3")
        canvas.showPage()
        canvas.showPage()

    return drawn(draw)


def one_picture(kind: str) -> bytes:
    out = io.BytesIO()
    picture_of(["Meter reading 40718 kWh"], (1000, 500)).save(out, kind)
    return out.getvalue()


def pages_of_pictures() -> bytes:
    out = io.BytesIO()
    pages = [picture_of([text], (1000, 500)) for text in ("Page one lists nothing", "Invoice total 613 euros")]
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    return out.getvalue()


CASES = [
    Case(
        "insurance.pdf",
        form,
        "What is the chassis number, the owner and the cover?",
        ("Owner: Tilda Moor", "Chassis no.: WVX 5520 B", "Cover: Full cover", "Winter tyres fitted: yes",
         "Garage: in the carport", "Policy number: P-60-77"),
        ("hunter2",),
    ),
    Case(
        "harvest.pdf",
        bare_form,
        "What is the harvest year and the name of the vintner?",
        ("Harvest year: 1997 late", "vintner name: Jonas Quell"),
    ),
    Case("tax.pdf", xfa_form, "What is the tax number?", ("tax Number: DE-881-402",)),
    Case(
        "annotated.pdf",
        annotated,
        "When does the vault open, and where is the spare key?",
        ("The vault opens at nine sharp.", "[Note by Gerd: Move this to half past ten.]",
         "[Text on the page: Spare key: box 61]", "[Highlighted: “The vault opens at nine sharp.”: really?]"),
    ),
    Case(
        "tides.pdf",
        turned,
        "When is high water on Friday, and which buoy is missing?",
        ("The tide table lists high water\\nat 04:52 on Friday.", "Margin remark: buoy 9 is missing."),
        analyzed=False,
    ),
    Case(
        "columns.pdf",
        columns,
        "Who founded the observatory, and how large is the mirror?",
        ("by the astronomer Lucia Venn in 1904.", "Its largest telescope has\\na mirror of 2.4 metres."),
        analyzed=False,
    ),
    Case("locked.pdf", lambda: encrypted(""), "What is the cellar code?", ("The cellar code is 55-71-02.",)),
    Case(
        "survey.pdf",
        scan,
        "How large is plot 17, and where is the boundary stone?",
        ("Plot 17 measures 830 square metres.", "The boundary stone lies by the willow.", "Cover sheet of the survey"),
    ),
    Case("meter.jpg", lambda: one_picture("JPEG"), "What is the meter reading?", ("40718",)),
    Case("fax.tif", pages_of_pictures, "What is the invoice's total?", ("Invoice total 613 euros",), analyzed=False),
]  # fmt: skip
