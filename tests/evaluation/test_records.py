"""What was measured is kept: a killed run continues, another run is refused."""

import pytest

from livecam.errors import ConfigError, SinkError
from livecam.evaluation.records import Records

SETTINGS = {"precision": "auto", "scales": (1.0, 2.0)}


def filled(folder, **more):
    with Records(folder, SETTINGS, **more) as records:
        records.add("0.png", "a", {"pointing": 1.0, "ious": [0.25, 0.5]})
        records.add("0.png", "b", {"pointing": 0.0})
    return records.path


def test_what_was_kept_is_there_again(tmp_path):
    filled(tmp_path / "new" / "folder")
    with Records(tmp_path / "new" / "folder", SETTINGS) as records:
        assert records.get("0.png", "a") == {"pointing": 1.0, "ious": [0.25, 0.5]}
        assert records.get("0.png", "b") == {"pointing": 0.0}
        assert records.get("1.png", "a") is None


@pytest.mark.parametrize("kept", range(1, 12))
def test_a_line_that_was_cut_off_anywhere_is_measured_again(tmp_path, kept):
    path = filled(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][: -5 * kept])
    with Records(tmp_path, SETTINGS) as records:
        assert records.get("0.png", "a") is not None
        assert records.get("0.png", "b") is None
        records.add("0.png", "b", {"pointing": 0.5})
    assert path.read_bytes().startswith(b"".join(lines[:2]))
    with Records(tmp_path, SETTINGS) as records:
        assert records.get("0.png", "b") == {"pointing": 0.5}


def test_a_damaged_line_in_the_middle_is_measured_again_and_the_others_stay(tmp_path):
    path = filled(tmp_path)
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:9] + b"\x00\x00\n" + third)
    with Records(tmp_path, SETTINGS) as records:
        assert records.get("0.png", "a") is None
        assert records.get("0.png", "b") == {"pointing": 0.0}


def test_a_run_that_was_killed_in_its_first_line_begins_again(tmp_path):
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:7])
    with Records(tmp_path, SETTINGS) as records:
        assert records.get("0.png", "a") is None
    with Records(tmp_path, SETTINGS):
        pass


def test_other_settings_are_refused_and_named_unless_everything_is_measured_again(tmp_path):
    filled(tmp_path)
    with pytest.raises(ConfigError, match=r'begun with precision "auto", not "bfloat16".*--restart'):
        Records(tmp_path, SETTINGS | {"precision": "bfloat16"})
    with Records(tmp_path, SETTINGS | {"precision": "bfloat16"}, restart=True) as records:
        assert records.get("0.png", "a") is None


@pytest.mark.parametrize("notes", ["my notes", "my notes\nof today\n", '{"a": 1}\n'])
def test_a_file_of_somebody_else_is_left_alone(tmp_path, notes):
    (tmp_path / "records.jsonl").write_text(notes)
    with pytest.raises(ConfigError, match="not written by livecam"):
        Records(tmp_path, SETTINGS)
    assert (tmp_path / "records.jsonl").read_text() == notes


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="give another -o"):
        Records(tmp_path / "file", SETTINGS)
