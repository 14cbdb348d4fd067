"""Images in the text of assistant messages that a client sends back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.translate.media.markdown_images import split_images

# The searched pattern as a regular expression: readable, but slow.
PATTERN = re.compile(r"!\[[^\]\n]*\]\((data:image/[^)\s]+)\)")
PIECES = ["![", "!", "[", "](", "](data:image/", "data:image/", "png;base64,AA", "]", "(", ")", "\n", " ", "a"]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("no image", ["no image"]),
        ("", [""]),
        ("![](data:image/png;base64,AA)", ["", "data:image/png;base64,AA", ""]),
        ("a ![b ![c](data:image/x) d", ["a ", "data:image/x", " d"]),
        ("![a](data:image/x)![b](data:image/y)", ["", "data:image/x", "", "data:image/y", ""]),
        ("![a\n](data:image/x)", ["![a\n](data:image/x)"]),
        ("![a](data:image/)", ["![a](data:image/)"]),
        ("![a](data:image/x y)", ["![a](data:image/x y)"]),
    ],
)
def test_images_are_split_from_the_text(text: str, pieces: list[str]) -> None:
    assert split_images(text) == pieces


@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join))
def test_the_scan_finds_the_same_images_as_the_pattern(text: str) -> None:
    assert split_images(text) == PATTERN.split(text)
