"""Data sets are found by themselves, and what is wrong with one is said."""

import json

import numpy as np
import pytest
from evaluation_sets import SIZE, of_videos, picture, with_boxes, with_masks, write

from livecam.errors import ConfigError, SourceError, SourceNotFound
from livecam.evaluation.datasets import open_dataset


def test_a_list_with_boxes_is_found_by_its_file_or_its_folder(tmp_path):
    listed = with_boxes(tmp_path)
    for path in (listed, tmp_path):
        found = open_dataset(path)
        assert found.kind == "boxes"
        assert [item.key for item in found.items] == [f"images/{number}.png" for number in range(3)]
        assert [item.class_idx for item in found.items] == [0, 10, 20]
    image, mask = picture(1)
    item = found.items[1]
    assert np.array_equal(item.picture(), image[..., ::-1])  # RGB
    x0, y0, x1, y1 = item.boxes[0]
    assert mask[round(y0 * SIZE[0]) : round(y1 * SIZE[0]), round(x0 * SIZE[1]) : round(x1 * SIZE[1])].all()


def test_paths_of_a_list_may_leave_the_images_folder_out(tmp_path):
    listed = with_boxes(tmp_path)
    listed.write_text(listed.read_text().replace("images/", ""))
    assert open_dataset(listed).items[0].file == tmp_path / "images" / "0.png"


def test_images_with_masks(tmp_path):
    found = open_dataset(with_masks(tmp_path))
    assert found.kind == "masks"
    assert [item.class_idx for item in found.items] == [None] * 3
    assert np.array_equal(found.items[2].truth(SIZE), picture(2)[1] > 0)
    assert found.videos() == {}


def test_videos_with_masks(tmp_path):
    found = open_dataset(of_videos(tmp_path))
    assert found.kind == "videos"
    assert {name: len(items) for name, items in found.videos().items()} == {"a": 6, "b": 6}
    some = found.part(every=2, limit=2)
    assert [item.key for item in some.items] == ["a/00000.png", "a/00002.png", "b/00000.png", "b/00002.png"]


def test_small_single_boxes_can_be_asked_for(tmp_path):
    listed = with_boxes(tmp_path)
    entries = json.loads(listed.read_text())
    entries[0]["boxes"].append([0, 0, 0.1, 0.1])
    entries[1]["boxes"] = [[0, 0, 1, 0.5]]
    listed.write_text(json.dumps(entries))
    assert [item.key for item in open_dataset(listed).part(box_below=0.5).items] == ["images/2.png"]
    with pytest.raises(ConfigError, match="no picture is left"):
        open_dataset(listed).part(box_below=0.01)


def test_of_several_json_files_the_list_of_pictures_is_found(tmp_path):
    listed = with_boxes(tmp_path)
    others = {"a.json": '{"file": 1}', "b.json": "[1]", "c.json": "[]", "z.json": "{"}
    for name, text in others.items():
        (tmp_path / name).write_text(text)
    assert open_dataset(tmp_path).items == open_dataset(listed).items
    (tmp_path / "more.json").write_text(listed.read_text())
    with pytest.raises(ConfigError, match=rf"{listed.name}, more.json are lists of pictures; name one"):
        open_dataset(tmp_path)
    for path in (listed, tmp_path / "more.json"):
        path.unlink()
    with pytest.raises(SourceNotFound, match=r"not a data set, and none of a.json, b.json, c.json, z.json is a list"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("name", ["", "no-such-place"])
def test_what_is_no_data_set_is_told_the_layouts(tmp_path, name):
    with pytest.raises(SourceNotFound, match=r"JSON list.*images/NAME.*masks/NAME.*frames/VIDEO"):
        open_dataset(tmp_path / name)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("[", "no JSON"),
        ("[]", "not a list of pictures"),
        ('[{"file": "images/0.png", "class": 3}]', "entry 0 .*boxes"),
        ('[{"file": "images/0.png", "boxes": [[0, 0, 1]]}]', "entry 0"),
        ('[{"file": "images/0.png", "boxes": [[0, 0, 48, 48]]}]', "no box of fractions"),
        ('[{"file": "images/0.png", "class": "cat", "boxes": [[0, 0, 1, 1]]}]', "class a number"),
        ('[{"file": "images/9.png", "boxes": [[0, 0, 1, 1]]}]', "no such file"),
        ("[" + ",".join(['{"file": "images/0.png", "boxes": [[0, 0, 1, 1]]}'] * 2) + "]", "listed twice"),
    ],
)
def test_a_damaged_list_is_refused_with_its_place(tmp_path, damage, said):
    listed = with_boxes(tmp_path)
    listed.write_text(damage)
    with pytest.raises((ConfigError, SourceNotFound), match=said) as caught:
        open_dataset(listed)
    assert "\n" not in str(caught.value)


def test_a_picture_without_a_mask_and_a_mask_of_another_size(tmp_path):
    folder = with_masks(tmp_path)
    write(folder / "masks" / "1.png", np.zeros((5, 7), np.uint8))
    with pytest.raises(SourceError, match=r"1\.png: is 7×5.*64×48"):
        open_dataset(folder).items[1].truth(SIZE)
    (folder / "masks" / "2.png").unlink()
    with pytest.raises(ConfigError, match=r"2\.png: no such file"):
        open_dataset(folder)


def test_a_picture_that_cannot_be_read(tmp_path):
    folder = with_masks(tmp_path)
    (folder / "images" / "0.png").write_bytes(b"nothing")
    with pytest.raises(SourceError, match=r"0\.png: cannot be read"):
        open_dataset(folder).items[0].picture()
