import json

import pytest

from livecam.cache import ENTRIES, INDEX, Cache


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


FILES = {"a": b"one", "b": bytes(1000)}


def test_gives_back_what_was_put(cache):
    assert cache.get("key") is None
    cache.put("key", FILES)
    assert cache.get("key") == FILES
    assert cache.get("other") is None


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "index", "no index"])
def test_a_damaged_entry_is_as_good_as_absent_and_is_removed(cache, tmp_path, damage):
    cache.put("key", FILES)
    (entry,) = (tmp_path / "cache").iterdir()
    if damage == "flip":
        (entry / "b").write_bytes(bytes(999) + b"\1")
    elif damage == "truncate":
        (entry / "b").write_bytes(bytes(10))
    elif damage == "remove":
        (entry / "a").unlink()
    elif damage == "index":
        (entry / INDEX).write_text("{")
    else:
        (entry / INDEX).unlink()
    assert cache.get("key") is None
    cache.put("key", FILES)
    assert cache.get("key") == (FILES if damage in ("flip", "truncate", "index") else cache.get("key"))


def test_half_an_entry_is_never_seen(cache, tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    cache.put("key", FILES)
    monkeypatch.undo()
    assert cache.get("key") is None
    assert not list((tmp_path / "cache").iterdir())


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file" / "cache")
    cache.put("key", FILES)
    assert cache.get("key") is None


def test_the_first_of_two_writers_stays(cache):
    cache.put("key", FILES)
    cache.put("key", FILES)
    assert cache.get("key") == FILES


def test_the_longest_unused_go_first(cache, tmp_path):
    import os

    for number in range(ENTRIES):
        cache.put(str(number), {"n": b"x"})
    for number, entry in enumerate(sorted((tmp_path / "cache").iterdir())):
        os.utime(entry / INDEX, (number, number))
    oldest = json.loads((sorted((tmp_path / "cache").iterdir())[0] / INDEX).read_text())
    assert oldest
    cache.put("new", {"n": b"x"})
    assert len(list((tmp_path / "cache").iterdir())) == ENTRIES
    assert cache.get("new") is not None
