import pytest

from livecam.config import Settings, resolve
from livecam.errors import ConfigError


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "livecam.toml"
        path.write_text(text)
        return path

    return write


def test_defaults_file_environment_flags_in_that_order(monkeypatch, file):
    path = file('model = "resnet18"\nalpha = 0.1\nmethod = "a"\nsmooth = 3')
    monkeypatch.setenv("LIVECAM_ALPHA", "0.2")
    monkeypatch.setenv("LIVECAM_METHOD", "b")
    settings = resolve({"method": "c"}, path)
    assert (settings.method, settings.alpha, settings.model, settings.smooth) == ("c", 0.2, "resnet18", 3)
    assert settings.codec == "h264"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("mean", "0.5,0.4,0.3", (0.5, 0.4, 0.3)),
        ("std", "0.5", (0.5, 0.5, 0.5)),
        ("smooth", "off", 0.0),
        ("smooth", "0.5", 0.5),
        ("quality", "auto", None),
        ("quality", "3", 3),
        ("start", "1:02:03.5", 3723.5),
        ("duration", "90", 90.0),
        ("size", "1280x720", (1280, 720)),
        ("class_", "golden retriever", "golden retriever"),
        ("max_frames", "12", 12),
        ("hud", "false", False),
        ("quota", "1.5G", 1_500_000_000),
        ("keep_free", "500mb", 500_000_000),
    ],
)
def test_every_spelling_by_flag_and_by_environment(monkeypatch, name, text, value):
    given = "class" if name == "class_" else name
    assert getattr(resolve({given: text}), name) == value
    monkeypatch.setenv(f"LIVECAM_{given.upper()}", text)
    assert getattr(resolve({}), name) == value


def test_a_file_speaks_toml(file):
    settings = resolve({}, file('mean = [0.1, 0.2, 0.3]\nclass = 207\nquality = 1\nsize = "640x480"\nhud = false'))
    assert (settings.mean, settings.class_, settings.quality) == ((0.1, 0.2, 0.3), "207", 1)
    assert (settings.size, settings.hud) == ((640, 480), False)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"alpha": "3"}, "--alpha: should be less than or equal to 1, not '3'"),
        ({"mean": "1,2"}, "--mean: give three numbers"),
        ({"quality": "9"}, "--quality"),
        ({"input": "stretch"}, "'fit', 'squash' or 'crop'"),
        ({"size": "big"}, "--size: give WIDTHxHEIGHT"),
        ({"start": "a:b"}, "--start"),
        ({"max_frames": "0"}, "--max-frames"),
        ({"quota": "infG"}, "--quota: give bytes, for example 500M or 20G"),
        ({"keep_free": "5 G and more"}, "--keep-free: give bytes"),
        ({"mean": [[1]]}, "--mean: give three numbers"),
        ({"mean": "x" * 10_000}, "--mean"),
    ],
)
def test_a_wrong_value_is_named_in_one_line(flags, says):
    with pytest.raises(ConfigError) as caught:
        resolve(flags)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_unknown_names_are_errors(file):
    with pytest.raises(ConfigError, match=r"'modle'.*no such setting"):
        resolve({}, file('modle = "resnet18"'))


def test_a_damaged_file(file):
    with pytest.raises(ConfigError, match=r"livecam\.toml"):
        resolve({}, file("model = = 3"))


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        resolve({}, tmp_path / "none.toml")


def test_other_variables_of_the_environment_are_left_alone(monkeypatch):
    monkeypatch.setenv("CLASS", "dog")
    monkeypatch.setenv("MODEL", "resnet18")
    assert resolve({}) == Settings()


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        resolve({}).alpha = 0.5


def test_scales_are_numbers():
    assert resolve({"scales": "1,1.4,2"}).scales == (1, 1.4, 2)
    assert resolve({"scales": 2}).scales == (2,)
    with pytest.raises(ConfigError, match="--scales"):
        resolve({"scales": "1,large"})
