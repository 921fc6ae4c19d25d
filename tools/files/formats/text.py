"""Plain text, Markdown, source code, XML: lines, headings or definitions, the first words."""

import ast
import re

from tools.files.formats.languages import LANGUAGES, MARKDOWN
from tools.files.profile import Profile, passage, plain
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source, decoding_of, encoding_doubt, encoding_of, read_text
from workspace.syntax import parsed

MAX_TEXT = 5_000_000
"""Maximum characters of a text that are read."""
MAX_OUTLINE = 40
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*?)[ \t#]*")
_UNDERLINE = re.compile(r"(=|-){3,}[ \t]*")
_FENCE = re.compile(r"[ \t]{0,3}(```|~~~)")
_DEFINITION = re.compile(
    r"[ \t]*(?:export[ \t]+|public[ \t]+|private[ \t]+|static[ \t]+|async[ \t]+|pub[ \t]+)*"
    r"(?:def|class|function|func|fn|interface|struct|enum|trait|CREATE[ \t]+TABLE)[ \t]+[A-Za-z_].*"
)


def profile(source: Source) -> Profile:
    encoding, text = _read(source)
    markdown = is_markdown(source, text)
    language = LANGUAGES.get(source.suffix)
    lines = text.count("\n") + (not text.endswith("\n"))
    cut = len(text) >= MAX_TEXT
    doubt = encoding_doubt(source, encoding)
    decoding = decoding_of(source, encoding)
    return Profile(
        kind="text",
        title="Markdown" if markdown else f"{language} text" if language else "plain text",
        bytes=source.size,
        load=f"from pathlib import Path; text = Path({{name}}).read_text({decoding.arguments})",
        facts={"encoding": encoding, "lines": lines, "words": len(text.split()), "characters": len(text)},
        structure=_outline(text, source, markdown=markdown),
        preview=passage(text),
        notes=[*([f"Only the first {MAX_TEXT:,} characters were looked at."] if cut else []), *filter(None, [doubt])],
    )


def sections(source: Source) -> list[Section]:
    _, text = _read(source)
    writer = SectionWriter(MAX_TEXT)
    if is_markdown(source, text):
        for heading, body in by_heading(text):
            writer.add(body, heading=heading)
    else:
        writer.add(text)
    return writer.sections


def is_markdown(source: Source, text: str) -> bool:
    """By its extension, or a text with headings and without another language's extension."""
    if source.suffix in MARKDOWN:
        return True
    return source.suffix in ("", ".txt") and bool(re.match(r"#{1,3} \S", text)) and "\n\n" in text


def by_heading(text: str) -> list[tuple[str | None, str]]:
    """Markdown split at each heading: `(heading, text under it, including the heading)`."""
    parts: list[tuple[str | None, list[str]]] = [(None, [])]
    fenced = False
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _heading(line, following)
        if heading:
            parts.append((plain(heading, 200), []))
        parts[-1][1].append(line)
    return [(heading, "\n".join(body)) for heading, body in parts if any(line.strip() for line in body)]


def _heading(line: str, following: str) -> str | None:
    if match := _HEADING.fullmatch(line[:300]):
        return match.group(2)
    underlined = _UNDERLINE.fullmatch(following[:300]) and line.strip() and not line.startswith((" ", "-", "|", ">"))
    return line.strip()[:300] if underlined and len(line) < 200 else None


def _read(source: Source) -> tuple[str, str]:
    encoding = encoding_of(source) or "latin-1"
    return encoding, read_text(source, encoding, MAX_TEXT)


def _outline(text: str, source: Source, *, markdown: bool) -> list[str]:
    if markdown:
        found = [heading for heading, _ in by_heading(text) if heading]
    elif source.suffix == ".py":
        found = _python_outline(text)
    elif source.suffix in LANGUAGES:
        found = [line for line in text.splitlines()[:20_000] if _DEFINITION.fullmatch(line[:300])]
    else:
        found = []
    return [plain(line, 120) for line in found[:MAX_OUTLINE]]


def _python_outline(text: str) -> list[str]:
    program = parsed(text[:200_000])
    if program is None:
        return [line for line in text.splitlines()[:20_000] if _DEFINITION.fullmatch(line[:300])]
    lines = []
    for node in program.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines.append(f"def {node.name}({', '.join(arg.arg for arg in node.args.args)})")
        elif isinstance(node, ast.ClassDef):
            methods = [child.name for child in node.body if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)]
            lines.append(f"class {node.name}: {', '.join(methods)}".rstrip(": "))
    return lines
