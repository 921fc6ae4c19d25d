"""File extensions that distinguish kinds of text."""

from tools.files.source import Source

LANGUAGES = {
    ".py": "Python", ".js": "JavaScript", ".ts": "TypeScript", ".java": "Java", ".c": "C", ".h": "C", ".cpp": "C++",
    ".cs": "C#", ".go": "Go", ".rs": "Rust", ".rb": "Ruby", ".php": "PHP", ".sh": "shell", ".sql": "SQL", ".r": "R",
    ".css": "CSS", ".xml": "XML", ".svg": "SVG", ".yaml": "YAML", ".yml": "YAML", ".toml": "TOML", ".ini": "INI",
    ".tex": "LaTeX", ".log": "log",
}  # fmt: skip
MARKDOWN = (".md", ".markdown", ".mdx", ".rst")


def names_a_language(source: Source) -> bool:
    """Whether the extension says that the text is code or a document, so that it is not read as a table."""
    return source.suffix in LANGUAGES or source.suffix in MARKDOWN
