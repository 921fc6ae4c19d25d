"""Word documents whose text is not in plain paragraphs. What python-docx cannot write is put in as XML."""

import io
import zipfile

import docx
from docx.oxml import parse_xml

from tests.tools.documents.case import Case
from tests.tools.files.hostile import member, remade

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
NAMESPACES = (
    f'xmlns:w="{W}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
TEXT = "application/vnd.openxmlformats-officedocument.wordprocessingml"
DIAGRAM = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def saved(document: "docx.document.Document") -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def body(xml: str) -> bytes:
    """A document with these blocks."""
    document = docx.Document()
    for each in parse_xml(f"<w:body {NAMESPACES}>{xml}</w:body>"):
        document.element.body.insert_element_before(each, "w:sectPr")
    return saved(document)


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(*content: str) -> str:
    return f"<w:p>{''.join(content)}</w:p>"


def control(content: str, properties: str = "") -> str:
    return f"<w:sdt><w:sdtPr>{properties}</w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"


def with_part(data: bytes, name: str, kind: str, content_type: str, xml: str) -> bytes:
    """The document with a further part, related to the main one as `rIdX`."""
    types = member(data, "[Content_Types].xml").decode()
    relationships = member(data, "word/_rels/document.xml.rels").decode()
    part = f'<Override PartName="/word/{name}" ContentType="{content_type}"/></Types>'
    related = f'<Relationship Id="rIdX" Type="{OFFICE}/{kind}" Target="{name}"/></Relationships>'
    return remade(
        data,
        {
            "[Content_Types].xml": types.replace("</Types>", part).encode(),
            "word/_rels/document.xml.rels": relationships.replace("</Relationships>", related).encode(),
        },
        {f"word/{name}": xml.encode()},
    )


def controls() -> bytes:
    """Content controls: nested, around a row and a cell, one that only shows its placeholder, one with a title."""
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    row = f"<w:tr>{cell.format('Deposit')}{control(cell.format('3150 francs'))}</w:tr>"
    return body(
        control(control(paragraph(run("The landlord is "), control(run("Orla Brandt")), run("."))))
        + control(paragraph(run("Click here to enter the guarantor.")), "<w:showingPlcHdr/>")
        + control(paragraph(run("12 May 2031")), '<w:alias w:val="Handover date"/>')
        + f"<w:tbl><w:tr>{cell.format('Item')}{cell.format('Amount')}</w:tr>{control(row)}</w:tbl>"
    )


def text_box() -> bytes:
    content = "<w:txbxContent><w:p><w:r><w:t>Emergency exit: gate 14.</w:t></w:r></w:p></w:txbxContent>"
    choice = f"<w:drawing><wps:wsp><wps:txbx>{content}</wps:txbx></wps:wsp></w:drawing>"
    fallback = f"<w:pict><v:shape><v:textbox>{content}</v:textbox></v:shape></w:pict>"
    both = f'<mc:Choice Requires="wps">{choice}</mc:Choice><mc:Fallback>{fallback}</mc:Fallback>'
    return body(paragraph(run("See the box."), f"<w:r><mc:AlternateContent>{both}</mc:AlternateContent></w:r>"))


def margins() -> bytes:
    document = docx.Document()
    document.add_paragraph("The minutes of the meeting.")
    document.sections[0].header.paragraphs[0].text = "File reference ZK-3381"
    document.sections[0].footer.paragraphs[0].text = "Confidential until 2030"
    document.add_section().header.is_linked_to_previous = True
    return saved(document)


def revisions() -> bytes:
    by = 'w:id="1" w:author="Ida" w:date="2024-01-01T00:00:00Z"'
    gone = f"<w:del {by}><w:r><w:delText>40 crates</w:delText></w:r></w:del>"
    moved = f"<w:moveFrom {by}><w:r><w:t>from the old quay</w:t></w:r></w:moveFrom>"
    there = f"<w:moveTo {by}>{run('from the new quay')}</w:moveTo>"
    split = f"<w:pPr><w:rPr><w:del {by}/></w:rPr></w:pPr>"
    row = f"<w:tr><w:trPr><w:del {by}/></w:trPr><w:tc><w:p>{run('cancelled berth')}</w:p></w:tc></w:tr>"
    kept = f"<w:tr><w:tc><w:p>{run('berth seven')}</w:p></w:tc></w:tr>"
    return body(
        paragraph(run("The ship carries "), gone, f"<w:ins {by}>{run('65 crates')}</w:ins>", run(" "), moved, there)
        + f"<w:p>{split}{run('It sails on ')}</w:p>"
        + paragraph(run("Tuesday at noon."))
        + f"<w:tbl>{row}{kept}</w:tbl>"
    )


def comment() -> bytes:
    document = docx.Document()
    written = document.add_paragraph("The budget is 88,000 euros.")
    document.add_comment(written.runs, text="Ask the treasurer about the reserve of 5,120.", author="Pia Lund")
    return saved(document)


def notes() -> bytes:
    data = body(paragraph(run("The bridge was closed"), '<w:r><w:footnoteReference w:id="2"/></w:r>', run(" in 1987.")))
    separator = '<w:footnote w:type="separator" w:id="0"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>'
    note = f"<w:footnote w:id='2'>{paragraph(run('For repairs after the flood of Marrow Creek.'))}</w:footnote>"
    xml = f"<w:footnotes {NAMESPACES}>{separator}{note}</w:footnotes>"
    return with_part(data, "footnotes.xml", "footnotes", f"{TEXT}.footnotes+xml", xml)


def nested_table() -> bytes:
    document = docx.Document()
    outer = document.add_table(rows=1, cols=2)
    outer.cell(0, 0).text = "Warehouse north"
    inner = outer.cell(0, 1).add_table(rows=1, cols=2)
    inner.cell(0, 0).text = "Shelf K9"
    inner.cell(0, 1).text = "holds 240 lanterns" + " and more" * 40 + " up to the very last lamp"
    return saved(document)


def fields() -> bytes:
    def mark(kind: str, data: str = "") -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}">{data}</w:fldChar></w:r>'

    code = "<w:r><w:instrText> DOCPROPERTY SecretInstruction </w:instrText></w:r>"
    box = "<w:ffData><w:checkBox><w:default w:val='0'/><w:checked/></w:checkBox></w:ffData>"
    entries = "".join(f'<w:listEntry w:val="{name}"/>' for name in ("by rail", "by barge"))
    choice = f'<w:ffData><w:ddList><w:result w:val="1"/>{entries}</w:ddList></w:ffData>'
    return body(
        paragraph(
            run("The contract value is "), mark("begin"), code, mark("separate"), run("61,400 dollars"), mark("end")
        )
        + paragraph(mark("begin", box), code, mark("end"), run("insured"))
        + paragraph(run("Delivery "), mark("begin", choice), code, mark("end"))
        + paragraph(run("Signed on "), f'<w:fldSimple w:instr="DATE">{run("9 June 2029")}</w:fldSimple>')
    )


def hidden_and_symbols() -> bytes:
    symbol = '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>'
    greek = '<w:r><w:rPr><w:rFonts w:ascii="Symbol"/></w:rPr><w:t>&#xF061;</w:t></w:r>'
    return body(
        paragraph(symbol, run(" fire insurance, angle "), greek, run(" of 30 degrees"))
        + paragraph(run("The reserve price is 990.", "<w:vanish/>"))
        + paragraph(run("Shown after all.", '<w:vanish w:val="0"/>'))
    )


def equation() -> bytes:
    def text(words: str) -> str:
        return f"<m:r><m:t>{words}</m:t></m:r>"

    fraction = f"<m:f><m:num>{text('m')}</m:num><m:den>{text('V')}</m:den></m:f>"
    power = f"<m:sSup><m:e>{text('r')}</m:e><m:sup>{text('2')}</m:sup></m:sSup>"
    return body(paragraph(run("Density is "), f"<m:oMath>{text('d=')}{fraction}{text('+')}{power}</m:oMath>"))


def numbers() -> bytes:
    """Numbered headings and clauses, as in contracts."""
    levels = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for at, (kind, text) in enumerate([("decimal", "%1."), ("decimal", "%1.%2"), ("lowerLetter", "(%3)")])
    )
    numbering = (
        f'<w:numbering {NAMESPACES}><w:abstractNum w:abstractNumId="7">{levels}</w:abstractNum>'
        '<w:num w:numId="7"><w:abstractNumId w:val="7"/></w:num></w:numbering>'
    )

    def clause(level: int, text: str) -> str:
        return f'<w:p><w:pPr><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="7"/></w:numPr></w:pPr>{run(text)}</w:p>'

    clauses = ((0, "Scope"), (0, "Fees"), (1, "Fees are due monthly."), (1, "Late fees are 4 percent."), (2, "on rent"))
    data = body("".join(clause(level, text) for level, text in clauses))
    return remade(data, {"word/numbering.xml": numbering.encode()})


def macro_document() -> bytes:
    data = body(paragraph(run("The macro budget is 7,707 pesos.")))
    types = member(data, "[Content_Types].xml").decode()
    plain = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    macros = types.replace(plain, "application/vnd.ms-word.document.macroEnabled.main+xml")
    return remade(data, {"[Content_Types].xml": macros.encode()})


def moved_main_part() -> bytes:
    """Some writers call the main part `document2.xml`."""
    data = body(paragraph(run("The renamed part costs 3,033 lire.")))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name in ("[Content_Types].xml", "_rels/.rels"):
                text = text.replace(b"word/document.xml", b"word/document2.xml")
            new.writestr(
                name.replace("word/document.xml", "word/document2.xml").replace("t.xml.rels", "t2.xml.rels"), text
            )
    return out.getvalue()


def embedded_page() -> bytes:
    data = body('<w:altChunk r:id="rIdX"/>')
    page = "<html><body><h1>Annex</h1><p>The annex fee is 415 zloty.</p></body></html>"
    return with_part(data, "annex.html", "aFChunk", "text/html", page)


def described_link() -> bytes:
    data = body(
        paragraph(run("Read the "), f'<w:hyperlink r:id="rIdL">{run("safety manual")}</w:hyperlink>', run(" first."))
    )
    link = (
        f'<Relationship Id="rIdL" Type="{OFFICE}/hyperlink" Target="https://example.org/m-42" TargetMode="External"/>'
    )
    relationships = member(data, "word/_rels/document.xml.rels").decode()
    changed = relationships.replace("</Relationships>", f"{link}</Relationships>")
    return remade(data, {"word/_rels/document.xml.rels": changed.encode()})


def diagram() -> bytes:
    """SmartArt."""
    drawing = (
        f'<a:graphic><a:graphicData><dgm:relIds xmlns:dgm="{DIAGRAM}" r:dm="rIdX" r:lo="rIdNone"/></a:graphicData>'
        "</a:graphic>"
    )
    data = body(paragraph(run("How it goes:"), f"<w:r><w:drawing><wp:inline>{drawing}</wp:inline></w:drawing></w:r>"))
    points = "".join(
        f"<dgm:pt><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>"
        for text in ("Sow", "Reap in week 31")
    )
    xml = f'<dgm:dataModel xmlns:dgm="{DIAGRAM}" {NAMESPACES}><dgm:ptLst>{points}</dgm:ptLst></dgm:dataModel>'
    return with_part(
        data, "data1.xml", "diagramData", "application/vnd.openxmlformats-officedocument.drawingml.diagramData+xml", xml
    )


CASES = [
    Case("diagram.docx", diagram, "When is the harvest?", ("How it goes:\\nSow\\nReap in week 31",), analyzed=False),
    Case(
        "controls.docx",
        controls,
        "Who is the landlord, what is the deposit and the handover date?",
        ("The landlord is Orla Brandt.", "Deposit | 3150 francs", "Handover date: 12 May 2031"),
        ("Click here to enter",),
    ),
    Case("box.docx", text_box, "Where is the emergency exit?", ("Emergency exit: gate 14.",)),
    Case(
        "margins.docx",
        margins,
        "What is the file reference, and how long is it confidential?",
        ("Header: File reference ZK-3381", "Footer: Confidential until 2030"),
    ),
    Case(
        "revisions.docx",
        revisions,
        "How many crates does the ship carry and when does it sail?",
        ("The ship carries 65 crates from the new quay", "It sails on Tuesday at noon.", "berth seven"),
        ("40 crates", "old quay", "cancelled berth"),
    ),
    Case(
        "comment.docx",
        comment,
        "What should the treasurer be asked?",
        ("The budget is 88,000 euros.", "[Comment by Pia Lund: Ask the treasurer about the reserve of 5,120.]"),
    ),
    Case(
        "notes.docx",
        notes,
        "Why was the bridge closed?",
        ("The bridge was closed in 1987.", "[Footnote: For repairs after the flood of Marrow Creek.]"),
    ),
    Case(
        "nested.docx",
        nested_table,
        "What does shelf K9 hold?",
        ("Warehouse north | Shelf K9 | holds 240 lanterns", "up to the very last lamp"),
    ),
    Case(
        "fields.docx",
        fields,
        "What is the contract value, and how is it delivered?",
        ("The contract value is 61,400 dollars", "☒ insured", "Delivery by barge", "Signed on 9 June 2029"),
        ("SecretInstruction",),
    ),
    Case(
        "symbols.docx",
        hidden_and_symbols,
        "Is there fire insurance, and what is the reserve price?",
        ("☑ fire insurance, angle α of 30 degrees", "[Hidden text: The reserve price is 990.]", "Shown after all."),  # noqa: RUF001
    ),
    Case("equation.docx", equation, "How is density computed?", ("Density is d=m/V+r^2",)),
    Case(
        "numbers.docx",
        numbers,
        "What does clause 2.2 say?",
        ("2. Fees", "2.1 Fees are due monthly.", "2.2 Late fees are 4 percent.", "(a) on rent"),
    ),
    Case("macros.docm", macro_document, "How high is the macro budget?", ("The macro budget is 7,707 pesos.",)),
    Case("renamed.docx", moved_main_part, "What does the renamed part cost?", ("3,033 lire",)),
    Case("annex.docx", embedded_page, "How high is the annex fee?", ("The annex fee is 415 zloty.",)),
    Case(
        "link.docx",
        described_link,
        "Where is the safety manual?",
        ("Read the safety manual first.", "example.org/m-42"),
    ),
]
