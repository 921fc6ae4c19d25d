"""Conversion of untrusted images, in this process; malicious ones are opened in a worker (test_vision_analyzer.py)."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.tools.vision.pictures import encoded, half_and_half, lying
from tools.vision.colours import colour_name, colours_of
from tools.vision.images import Picture, show
from tools.vision.ocr import Piece, in_reading_order


def opened(picture: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.data))
    image.load()
    return image


UPRIGHT = {1: None, 3: 180, 6: 90, 8: 270}
"""EXIF orientation, and the counter-clockwise rotation with which such an image is stored."""


@pytest.mark.parametrize(("orientation", "turn"), UPRIGHT.items())
def test_an_image_is_turned_upright(orientation: int, turn: int | None) -> None:
    image = half_and_half()
    stored = image.rotate(turn, expand=True) if turn else image
    picture = show(lying(stored, orientation), 1000)
    assert (picture.width, picture.height) == (60, 40)
    assert picture.facts.turned is (turn is not None)
    shown = opened(picture)
    assert [colour_name(*shown.getpixel((x, 20))) for x in (5, 55)] == ["red", "blue"]  # type: ignore[misc]


def test_what_an_image_says_of_its_camera_is_not_sent() -> None:
    data = lying(half_and_half(), 1, tag271="Camera of " + "Somebody" * 4000)
    assert b"Somebody" in data
    picture = show(data, 1000)
    assert b"Somebody" not in picture.data
    assert not opened(picture).getexif()


def test_a_large_image_is_scaled_and_a_small_one_is_not() -> None:
    picture = show(encoded(half_and_half((3000, 1500))), 1280)
    assert (picture.width, picture.height) == (1280, 640)
    assert (picture.facts.width, picture.facts.height) == (3000, 1500)
    assert show(encoded(half_and_half()), 1280).width == 60
    assert show(encoded(Image.new("RGB", (4000, 1))), 1280).height == 1


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "F", "I"]


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_pixel_becomes_plain(mode: str) -> None:
    image = Image.new("L", (20, 10), 0)
    image.paste(255, (10, 0, 20, 10))
    kind = "TIFF" if mode in ("CMYK", "F", "I", "I;16") else "PNG"
    converted = image.convert("I").convert("I;16") if mode == "I;16" else image.convert(mode)
    shown = opened(show(encoded(converted, kind), 100)).convert("RGB")
    assert [colour_name(*shown.getpixel((x, 5))) for x in (2, 17)] == ["black", "white"]  # type: ignore[misc]


def test_what_is_transparent_is_white() -> None:
    image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    for kind in ("PNG", "GIF", "WEBP"):
        picture = show(encoded(image, kind), 100)
        assert picture.facts.colours == (("white", 1.0),), kind


def test_photographs_are_sent_as_jpeg_and_drawings_as_png() -> None:
    assert show(encoded(half_and_half()), 100).mime == "image/png"
    assert show(encoded(half_and_half(), "JPEG"), 100).mime == "image/jpeg"
    noise = Image.effect_noise((1200, 1200), 100).convert("RGB")
    assert show(encoded(noise), 1200).mime == "image/jpeg"


def test_of_an_animation_the_first_picture_is_seen() -> None:
    frames = [Image.new("RGB", (10, 10), colour) for colour in ("red", "blue", "green")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture = show(data, 100)
    assert picture.facts.animated
    assert picture.facts.colours == (("red", 1.0),)


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        *(("white", "white"), ("black", "black"), ("red", "red"), ("navy", "dark blue"), ("skyblue", "light blue")),
        *(("forestgreen", "dark green"), ("saddlebrown", "brown"), ("orange", "orange"), ("gold", "yellow")),
        *(
            ("silver", "light grey"),
            ("gray", "grey"),
            ("hotpink", "pink"),
            ("indigo", "dark purple"),
            ("violet", "light pink"),
        ),
        *(("turquoise", "turquoise"), ("#303030", "dark grey"), ("crimson", "red")),
    ],
)
def test_colours_have_the_names_that_people_use(colour: str, name: str) -> None:
    assert colours_of(Image.new("RGB", (5, 5), colour)) == ((name, 1.0),)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_every_colour_has_a_name(colour: tuple[int, int, int]) -> None:
    assert colour_name(*colour)


def test_text_is_in_reading_order() -> None:
    """Pieces of one line may be a little higher or lower, and come in any order."""
    pieces = [
        Piece("world", 1.0, 200, 12, 100, 20),
        Piece("below", 1.0, 10, 50, 100, 20),
        Piece("hello", 1.0, 10, 10, 100, 22),
        Piece("right", 1.0, 200, 48, 100, 20),
    ]
    lines = in_reading_order(pieces)
    assert [[piece.text for piece in line] for line in lines] == [["hello", "world"], ["below", "right"]]


@given(st.lists(st.tuples(*[st.integers(0, 2000)] * 2, *[st.integers(1, 300)] * 2), max_size=30))
def test_no_piece_is_lost(boxes: list[tuple[int, int, int, int]]) -> None:
    pieces = [Piece(str(at), 1.0, *box) for at, box in enumerate(boxes)]
    lines = in_reading_order(pieces)
    assert sorted(int(piece.text) for line in lines for piece in line) == list(range(len(boxes)))
