"""Text: what is measured is what is drawn, and no string breaks it."""

import threading

import numpy as np
import pytest

from livecam.overlay.text import Font, clean, draw, shorten, width

FONT = Font(24)
STRINGS = [
    "golden retriever",
    "金毛寻回犬",
    "ゴールデン",
    "Ünïcödé",
    "العربية",
    "слон",
    "🐶",
    "a\tb\nc",
    "\x00x",
    "\ud800y",
    "\uffff",
]


def drawn(text, font=FONT, size=(60, 500)):
    image = np.zeros((*size, 3), np.uint8)
    draw(image, text, (20, 40), font, (255, 255, 255))
    return image


@pytest.mark.parametrize("text", STRINGS)
def test_ink_stays_within_what_is_measured(text):
    columns = np.flatnonzero(drawn(text).any(axis=(0, 2)))
    assert len(columns)
    assert columns[0] >= 20 - 3
    assert columns[-1] <= 20 + width(text, FONT) + 3


def test_unicode_is_drawn_as_different_signs():
    pictures = [drawn(c)[:, :60].tobytes() for c in ("金", "毛", "犬", "é", "ф")]
    assert len(set(pictures)) == len(pictures)


def test_type_is_anti_aliased_and_heavier_in_bold():
    regular, bold = drawn("labels"), drawn("labels", Font(24, 800))
    assert len(np.unique(regular)) > 20
    assert bold.sum() > 1.2 * regular.sum()


def test_digits_have_one_width():
    assert len({width(str(d) * 3, FONT) for d in range(10)}) == 1


def test_colour_order_is_that_of_the_picture():
    image = np.zeros((60, 100, 3), np.uint8)
    draw(image, "H", (20, 40), FONT, (250, 0, 10))
    assert image.reshape(-1, 3).max(axis=0).tolist() == [250, 0, 10]


def test_capitals_are_centred_on_the_given_row():
    image = np.zeros((200, 200, 3), np.uint8)
    font = Font(80)
    draw(image, "H", (20, font.baseline(100)), font, (255, 255, 255))
    rows = np.flatnonzero(image.max(axis=(1, 2)) > 127)
    assert abs((rows[0] + rows[-1] + 1) / 2 - 100) <= 2


@pytest.mark.parametrize("text", [*STRINGS, "a very long label of a class that nobody can read"])
@pytest.mark.parametrize("room", [-5, 0, 5, 30, 90, 1000])
def test_shortened_text_fits_and_keeps_as_much_as_it_can(text, room):
    label = shorten(text, FONT, room)
    assert width(label, FONT) <= max(room, 0)
    if width(text, FONT) <= room:
        assert label == clean(text)
    elif label:
        kept = label.removesuffix("…")
        assert label.endswith("…")
        assert clean(text).startswith(kept)
        assert width(clean(text)[: len(kept) + 2] + "…", FONT) > room


def test_synonyms_are_cut_between_them():
    assert shorten("cab, hack, taxi, taxicab", FONT, 200) == "cab, hack, taxi…"


def test_threads_draw_the_same():
    expected = drawn("thread 金毛 test")
    wrong = []

    def work(size):
        for _ in range(50):
            drawn("other text", Font(size, 700))
            if not np.array_equal(drawn("thread 金毛 test"), expected):
                wrong.append(size)

    threads = [threading.Thread(target=work, args=(11 + i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
