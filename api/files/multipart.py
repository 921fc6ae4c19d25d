"""An incremental `multipart/form-data` parser: python-multipart's callbacks as events."""

from collections.abc import Iterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.errors import ApiError, bad_request
from workspace.names import visible

MAX_LABEL = 255


@dataclass(frozen=True, slots=True)
class Part:
    """A part begins; `label` is the client's name for a file, None for a plain field."""

    field: str
    label: str | None


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of the current part."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The current part has ended."""


Event = Part | Data | End


class FormParser:
    """Call it with the body's chunks; it only buffers the headers of a part."""

    def __init__(self, content_type: str) -> None:
        """Raises 400 if the header has no boundary."""
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise bad_request("The form is invalid: its content type has no boundary.")
        self._events: list[Event] = []
        self._header, self._value = b"", b""
        self._disposition = b""
        self._complete = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._data,
                    "on_part_end": lambda: self._events.append(End()),
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _unreadable(error) from error

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that `chunk` completes. Raises 400 for an invalid form."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _unreadable(error) from error
        events, self._events = self._events, []
        yield from events

    def close(self) -> None:
        """Raises 400 if the body ended before the form did."""
        if not self._complete:
            raise bad_request("The form is invalid: it is truncated.")

    def _part_begins(self) -> None:
        self._disposition = b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _headers_end(self) -> None:
        options = parse_options_header(self._disposition)[1]
        if b"name" not in options:
            raise bad_request("The form is invalid: a part has no name.")
        label = options.get(b"filename")
        self._events.append(Part(_text(options[b"name"]), None if label is None else _label(label)))

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(Data(data[start:end]))

    def _end(self) -> None:
        self._complete = True


def _unreadable(error: FormParserError) -> ApiError:
    return bad_request(f"The form is invalid: {error}")


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _label(raw: bytes) -> str:
    """The client's name for a file: one line, for display. It is never used as a path."""
    label = visible(_text(raw).replace("%22", '"')) or "file"  # browsers escape a quote so (WHATWG, HTML 4.10.22.7)
    return label if len(label) <= MAX_LABEL else label[: MAX_LABEL - 33] + "…" + label[-32:]
