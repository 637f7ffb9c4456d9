"""The page: what it says of known sidecars, and that nobody else's sidecar can do harm."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livecam.errors import ConfigError, SourceError, SourceNotFound
from livecam.report import make_report
from livecam.report.compare import compare, pearson
from livecam.report.findings import changes, key_rows, worth_a_look
from livecam.report.recording import load
from livecam.report.timeline import BINS, clock, ticks, timeline
from livecam.sinks import SinkOptions, open_sink
from livecam.sources import SourceOptions, open_source
from livecam.types import AnnotatedFrame, Explanation, Frame, Prediction, RunInfo

HEADER: dict[str, Any] = {
    "type": "header", "version": 1, "source": "nowhere.mp4", "model": "net", "method": "gradcam",
    "target_layer": "last", "width": 64, "height": 48, "time_base": "1/25", "labels": 3,
}  # fmt: skip
END = {"type": "end", "frames": 1, "decode_errors": 0}
SPOT = np.zeros((5, 6), np.uint8)
SPOT[2, 3] = 255


def cam(values: np.ndarray = SPOT) -> dict[str, Any]:
    height, width = values.shape
    return {"h": height, "w": width, "data": base64.b64encode(values.astype(np.uint8).tobytes()).decode()}


def frame(index: int, label: str = "cat", score: float = 0.8, second: float = 0.1, **more: Any) -> dict[str, Any]:
    top = [{"class_idx": 1, "label": label, "score": score}, {"class_idx": 2, "label": "cup", "score": second}]
    line = {"type": "frame", "index": index, "pts": index / 25, "class_idx": 1, "label": label, "top": top}
    return line | {"peak": 1.0, "cam": cam(), "lag": 0, "level": 0} | more


def sidecar(path: Path, *lines: dict[str, Any] | str, header: dict[str, Any] | None = None) -> Path:
    """Lines that are text are written as they stand."""
    texts = [line if isinstance(line, str) else json.dumps(line) + "\n" for line in [header or HEADER, *lines]]
    path.write_text("".join(texts), "utf-8", errors="surrogatepass")
    return path


def kinds(path: Path) -> dict[str, list[int]]:
    return {kind.title: [find.row for find in kind.finds] for kind in worth_a_look(load(path), 4)}


class Page(HTMLParser):
    """What a browser would take for tags, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_is_worth_a_look(tmp_path: Path) -> None:
    edge = np.zeros((5, 6), np.uint8)
    edge[0] = 200
    aside = np.roll(SPOT, -2, 1)
    lines = [frame(number, "cat" if number < 100 else "dog") for number in range(200)]
    lines[30] = frame(30, score=0.12, second=0.01)
    lines[50] = frame(50, score=0.41, second=0.4)
    lines[70] = frame(70, cam=cam(edge))
    lines[85] = frame(85, cam=cam(aside))
    check = {"index": 149, "before": 0.8, "after": 0.79, "control": 0.7, "share": 0.25}
    lines[150:152] = [frame(number, "dog", faithfulness=check) for number in (150, 151)]
    lines[160] = frame(160, "dog", faithfulness={"index": 159, "before": 0.8, "after": 0.2, "control": 0.75})
    found = kinds(sidecar(tmp_path / "a.jsonl", *lines, END))
    assert found.pop("Heat off the object") == [70, 85]  # the heat of 70 is elsewhere as well
    assert found == {
        "The class changes": [100],
        "Low confidence": [30],
        "Near ties": [50],
        "Heat on the border": [70],
        "Faithfulness drops": [149],  # the picture that was checked
    }


def test_columns(tmp_path: Path) -> None:
    run = load(sidecar(tmp_path / "a.jsonl", frame(7), frame(8, "dog", class_idx=None), END))
    assert (run.index.tolist(), run.label.tolist(), run.labels) == ([7, 8], [0, -1], ["cat", "cup"])
    assert (run.score[0], run.best[0], run.second[0]) == (0.8, 0.8, 0.1)
    assert np.isnan(run.score[1])
    assert (run.x[0], run.y[0], run.border[0]) == (pytest.approx(3.5 / 6), pytest.approx(0.5), 0)
    even = load(sidecar(tmp_path / "b.jsonl", frame(0, cam=cam(np.full((5, 6), 9, np.uint8)))))
    assert even.border[0] == pytest.approx(1)
    assert not even.complete


def test_key_frames_show_every_class_that_lasts(tmp_path: Path) -> None:
    names = ["cat"] * 100 + ["dog"] * 20 + ["cup"] * 300
    names[50] = "flicker"
    sure = {80: 0.99, 110: 0.99, 300: 0.99}
    lines = [frame(n, name, sure.get(n, 0.5)) for n, name in enumerate(names)]
    run = load(sidecar(tmp_path / "a.jsonl", *lines, END))
    rows = key_rows(run, 24)
    assert {80, 110, 300} <= set(rows)
    assert len(rows) == 12
    assert 50 not in rows
    assert len(key_rows(run, 2)) == 2
    assert changes(run).tolist() == [50, 51, 100, 120]


def test_a_timeline_has_the_shares_and_times_of_the_sidecar(tmp_path: Path) -> None:
    lines = [frame(number, "cat" if number < 300 else "dog", 1.0) for number in range(1200)]
    found = timeline(load(sidecar(tmp_path / "a.jsonl", *lines)))
    assert [(row.name, row.share) for row in found.rows] == [("dog", 0.75), ("cat", 0.25)]
    assert [tuple(strip) for strip in found.rows[1].strips] == [(0, BINS // 4, 1.0)]
    assert [tuple(strip) for strip in found.rows[0].strips] == [(BINS // 4, BINS - BINS // 4, 1.0)]
    assert found.mean.count("L") == BINS - 1
    many = [frame(number, f"class {number % 30}") for number in range(300)]
    rows = timeline(load(sidecar(tmp_path / "b.jsonl", *many))).rows
    assert (len(rows), rows[-1].name) == (9, "22 others")


@pytest.mark.parametrize("span", [0.0, 1e-6, 0.04, 1.0, 10.0, 59.0, 3600.0, 1e6, 1e10])
@pytest.mark.parametrize("seconds", [True, False])
def test_ticks_are_few_and_inside(span: float, seconds: bool) -> None:
    found = ticks(span, seconds)
    assert 1 <= len(found) <= 8
    assert all(0 <= place <= 1 for place, _ in found)


def test_correlation_is_pearsons() -> None:
    one, other = np.random.default_rng(0).random((2, 7, 12), np.float32)
    assert pearson(one, other) == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1], abs=1e-5)
    assert pearson(one, one) == pytest.approx(1)
    assert np.isnan(pearson(one, np.ones_like(one)))
    assert pearson(one, np.repeat(np.repeat(one, 2, 0), 2, 1)) == pytest.approx(1)


def test_two_runs(tmp_path: Path) -> None:
    flat = np.arange(30, dtype=np.uint8).reshape(5, 6)
    one = sidecar(tmp_path / "a.jsonl", *(frame(n) for n in range(10)), END)
    other = sidecar(
        tmp_path / "b.jsonl", *(frame(n, "dog" if 6 <= n < 9 else "cat", cam=cam(flat)) for n in range(2, 12)), END
    )
    found = compare(load(one), load(other))
    assert found.rows.tolist() == [[n, n - 2] for n in range(2, 10)]
    assert found.agreement == 5 / 8
    assert found.likeness == pytest.approx([np.corrcoef(SPOT.ravel(), flat.ravel())[0, 1]] * 8, abs=1e-5)
    assert found.apart(1) == [(7, 5)]
    assert (7, 5) in found.apart(8)  # the rest are maps that are not alike
    assert not [mine for mine, _ in found.apart(8) if mine in (6, 8)]
    page = Page(make_report(one, other=other))
    assert "62%" in page.text
    strangers = sidecar(tmp_path / "c.jsonl", frame(99), END)
    with pytest.raises(SourceError, match="no frame in common"):
        make_report(one, other=strangers)


def test_an_untrained_network_is_marked_beside_others(tmp_path: Path) -> None:
    one = sidecar(tmp_path / "a.jsonl", frame(0), END)
    other = sidecar(tmp_path / "b.jsonl", frame(0), END, header=HEADER | {"random_weights": True})
    assert "RANDOM WEIGHTS" in make_report(one, other=other)
    index = make_report(tmp_path).split("</table>")[0]
    assert index.count("RANDOM WEIGHTS") == 1


EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>&\u202e\ud800'


def test_nothing_of_a_sidecar_becomes_markup(tmp_path: Path) -> None:
    evil = frame(0, EVIL) | {"top": [{"class_idx": EVIL, "label": EVIL, "score": 0.2}] * 3}
    header = HEADER | dict.fromkeys(("source", "model", "method", "target_layer"), EVIL)
    end = END | {"settings": {"model": EVIL, "smooth": EVIL, "class": EVIL}, "state": {"stages": {EVIL: {EVIL: 1}}}}
    report = tmp_path / "run.json"
    report.write_text(json.dumps({"stages": {EVIL: {"p50_ms": 1, "p95_ms": EVIL}}, "dropped": {EVIL: 3}, "fps": EVIL}))
    lines = [evil, frame(1, "dog")]
    path = sidecar(tmp_path / "a.jsonl", *lines, end, header=header)
    text = make_report(path, other=sidecar(tmp_path / "b.jsonl", *lines, end, header=header), run=report)
    text.encode("utf-8")
    page = Page(text)
    assert "alert(1)" in page.text
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "link", "base", "form"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "img" or str(attributes["src"]).startswith("data:image/jpeg;base64,")
        assert tag != "a" or str(attributes["href"]).startswith("#")


BROKEN = {
    "empty": "",
    "no sidecar": "hello\n",
    "binary": "\udcff\udcfe\x00\x01\n",
    "a number": "[1]\n",
    "deep": "[" * 100_000 + "\n",
    "deep later": json.dumps(HEADER) + "\n" + '{"a":' * 100_000 + "\n",
    **{
        f"header {name} {value}": json.dumps(HEADER | {name: value}) + "\n"
        for name, value in (
            ("width", "wide"),
            ("width", 0),
            ("width", 1e300),
            ("height", None),
            ("height", float("nan")),
        )
    },
    **{
        f"{name} {str(value)[:20]}": json.dumps(HEADER) + "\n" + json.dumps(frame(0) | {name: value}) + "\n"
        for name, value in (
            ("pts", float("nan")),
            ("pts", float("inf")),
            ("pts", 10**400),
            ("pts", "now"),
            ("pts", True),
            ("index", None),
            ("index", 1e300),
            ("top", "cat"),
            ("top", 7),
            ("top", ["cat"]),
            ("top", [{"label": "cat"}]),
            ("top", [{"label": "cat", "score": float("nan")}]),
            ("cam", 7),
            ("cam", {}),
            ("cam", {"h": 5, "w": 6, "data": "####"}),
            ("cam", {"h": 5, "w": 6, "data": "AAAA"}),
            ("cam", {"h": 10**9, "w": 10**9, "data": ""}),
            ("cam", {"h": -5, "w": -6, "data": cam()["data"]}),
            ("cam", {"h": "5", "w": 6, "data": cam()["data"]}),
            ("cam", {"h": 5, "w": 6, "data": 7}),
            ("cam", {"h": 5, "w": 6, "data": "é" * 40}),
            ("faithfulness", 7),
            ("faithfulness", {"index": 0}),
        )
    },
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(BROKEN[name], "utf-8", errors="surrogateescape")
    with pytest.raises(SourceError) as raised:
        make_report(path)
    assert "a.jsonl" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_no_file() -> None:
    with pytest.raises(SourceNotFound):
        make_report("nowhere.jsonl")


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        ([frame(0), json.dumps(frame(1))[:40]], "no end line"),
        ([], "no frame"),
        ([END], "no frame"),
        ([frame(0, pts=3), frame(1, pts=2), END], "Times do not ascend"),
        ([frame(0), END | {"decode_errors": 3}], "3 pictures of the source"),
        ([frame(0), END], "heat is shown alone"),
        ([frame(0, class_idx=None, top=[], cam=None, peak=None), END], "None of its frames"),
        ([frame(0, pts=-1e9), frame(1, pts=1e9, cam=cam(np.zeros((1, 1)))), END], "heat is shown alone"),
    ],
)
def test_what_is_missing_is_said(lines: list[Any], note: str, tmp_path: Path) -> None:
    assert note in Page(make_report(sidecar(tmp_path / "a.jsonl", *lines))).text


def explained(folder: Path, count: int = 60) -> RunInfo:
    """A recording of ``test://`` with its sidecar, explained by nobody; returns the run."""
    with open_source("test://?size=96x64&fps=25", SourceOptions()) as source:
        run = RunInfo(source.info, "net", "gradcam", "last", 3)
        specs = (str(folder / "out.mp4"), str(folder / "out.mp4.jsonl"))
        with open_sink(specs[0], SinkOptions(), run) as video, open_sink(specs[1], SinkOptions(), run) as beside:
            for _ in range(count):
                picture = source.read()
                assert isinstance(picture, Frame)
                told = Explanation(
                    picture.index, 0, (Prediction(0, "cat", 0.5),), SPOT / np.float32(255), 1.0, "gradcam", "last", 0.0
                )
                one = AnnotatedFrame(picture, picture.image, told, 0)
                video.write(one)
                beside.write(one)
    return run


def jpegs(page: str) -> list[np.ndarray]:
    data = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    return [
        np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(one), np.uint8), cv2.IMREAD_COLOR_RGB)) for one in data
    ]


def test_pictures_are_those_frames_of_the_source(tmp_path: Path) -> None:
    """From the source, and once that is gone from the annotated recording, and then the heat alone."""
    explained(tmp_path)
    path = tmp_path / "out.mp4.jsonl"
    rows = key_rows(load(path), 24)
    with open_source("test://?size=96x64&fps=25") as source:
        truth = {row: source.read() for row in range(60)}
    for gone in (False, True):
        if gone:
            text = path.read_text().splitlines(keepends=True)
            path.write_text(json.dumps(json.loads(text[0]) | {"source": "gone.mp4"}) + "\n" + "".join(text[1:]))
        shots = jpegs(make_report(path))
        assert len(shots) == len(rows) * (1 if gone else 2)
        for row, shot in zip(rows, shots if gone else shots[::2], strict=True):
            wanted = truth[row]
            assert wanted is not None
            error = np.abs(shot.astype(int) - wanted.image).mean()
            other = truth[(row + 7) % 60]
            assert other is not None
            assert error < min(12, np.abs(shot.astype(int) - other.image).mean())
    assert "from the annotated recording" in make_report(path)
    (tmp_path / "out.mp4").unlink()
    assert "heat is shown alone" in make_report(path)


@pytest.mark.parametrize(
    "name", ["rtsp://127.0.0.1:9/x", "http://127.0.0.1:9/x.mp4", "0", "/dev/video0", "cam:x", "a\0b"]
)
def test_a_report_opens_no_camera_and_no_address(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("livecam.report.pictures.open_source", lambda spec, *_: opened.append(spec))
    make_report(sidecar(tmp_path / "a.jsonl", frame(0), END, header=HEADER | {"source": name}))
    assert opened == []


def test_the_command_to_run_it_again(tmp_path: Path) -> None:
    settings = {"class": "tabby cat", "smooth": 0.0, "mean": [0.1, 0.2, 0.3], "hud": False, "size": [640, 480]}
    end = END | {"settings": settings | {"unknown": "; rm -rf /"}}
    page = Page(make_report(sidecar(tmp_path / "a.jsonl", frame(0), end, header=HEADER | {"source": "my clip.mp4"})))
    assert (
        "livecam annotate 'my clip.mp4' --model net --method gradcam --layer last --class 'tabby cat' --smooth off "
        "--mean 0.1,0.2,0.3 --no-hud --size 640x480"
    ) in page.text
    assert "rm -rf" not in page.text
    secret = HEADER | {"source": "rtsp://u:secret@h/x"}
    assert "secret" not in make_report(sidecar(tmp_path / "b.jsonl", frame(0), END, header=secret))


def test_timings_are_those_of_the_run(tmp_path: Path) -> None:
    path = sidecar(tmp_path / "a.jsonl", frame(0), END)
    report = tmp_path / "run.json"
    times = {"p50_ms": 4.25, "p95_ms": 5, "p99_ms": 6.125}
    report.write_text(json.dumps({"stages": {"decode": times}, "dropped": {"encoder too slow": 17}, "fps": 29.97}))
    text = Page(make_report(path, run=report)).text
    assert all(words in text for words in ("decode", "4.25", "6.12", "encoder too slow", "17", "30.0"))
    report.write_text("[")
    with pytest.raises(SourceError, match="--json"):
        make_report(path, run=report)


def test_a_folder(tmp_path: Path) -> None:
    sidecar(tmp_path / "a.jsonl", frame(0, "first cat"), END, header=HEADER | {"source": "one.mp4"})
    sidecar(tmp_path / "b.jsonl", frame(0), END, header=HEADER | {"source": "two.mp4"})
    (tmp_path / "bad.jsonl").write_text("<b>broken")
    (tmp_path / "run.json").write_text(json.dumps({"sidecar": "x/a.jsonl", "elapsed_s": 12.5}))
    still = {"input": "photo.png", "output": "photo.explained.png", "width": 6, "height": 5, "model": "net"}
    (tmp_path / "s.json").write_text(json.dumps(still | {"class_idx": 1, "label": "espresso", **frame(0, "espresso")}))
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((50, 60, 3), 200, np.uint8))
    (tmp_path / "other.json").write_text("{}")
    page = Page(make_report(tmp_path))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert {"#r0", "#r1"} <= set(links)
    assert {"r0", "r1", "s0"} <= {attributes.get("id") for _, attributes in page.tags}
    assert all(words in page.text for words in ("one.mp4", "two.mp4", "first cat", "espresso", "12.5"))
    assert "bad.jsonl" in page.text
    (shot, _) = jpegs(make_report(tmp_path))[-2:]
    assert abs(float(shot.mean()) - 200) < 2
    with pytest.raises(ConfigError, match="folder"):
        make_report(tmp_path, other=tmp_path / "a.jsonl")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="no sidecar"):
        make_report(tmp_path)


def test_long_recordings_stay_small(tmp_path: Path) -> None:
    lines = (frame(n, f"class {n // 50 % 30}", 0.3 + 0.4 * (n % 7) / 7) for n in range(6000))
    page = make_report(sidecar(tmp_path / "a.jsonl", *lines, END))
    assert len(page) < 600_000
    assert page.count("<rect") < 3000


def test_clock() -> None:
    assert [clock(one) for one in (-3.5, 59.999, 3600)] == ["-0:03.5", "1:00", "1:00:00"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, "x", [1], 10**40])
@pytest.mark.parametrize("source", ["test://?size=64x48&frames=3", "photo.png"])
def test_settings_of_somebody_elses_do_no_harm(source: str, value: Any, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((48, 64, 3), np.uint8))
    (tmp_path / "r.json").write_text(json.dumps({"files": value, "sidecar": value, "stages": value}))
    end = END | {"settings": dict.fromkeys(("start", "fps", "input", "colormap", "hud"), value), "decode_errors": value}
    sidecar(tmp_path / "a.jsonl", frame(0), end, header=HEADER | {"source": source})
    assert "data:image/jpeg" in make_report(tmp_path)


def test_objects_are_drawn_and_an_untrained_network_is_marked(tmp_path: Path) -> None:
    box = {"track": 3, "class_idx": 1, "label": "cat", "score": 0.8, "box": [0.1, 0.2, 0.9, 0.8]}
    plain = make_report(sidecar(tmp_path / "plain.jsonl", frame(0), END))
    found = make_report(
        sidecar(tmp_path / "found.jsonl", frame(0, objects=[box]), END, header=HEADER | {"random_weights": True})
    )
    pictures = [re.findall(r"data:image/jpeg;base64,[^\"]+", page) for page in (plain, found)]
    assert len(pictures[0]) == len(pictures[1])
    assert pictures[0] != pictures[1]
    assert "RANDOM WEIGHTS" in found
    assert "RANDOM WEIGHTS" not in plain


@pytest.mark.parametrize("box", [None, [0, 1], ["a", 0, 1, 1], {}])
def test_damaged_objects_are_said(tmp_path: Path, box: Any) -> None:
    line = frame(0, objects=[{"label": "cat", "score": 0.8, "box": box}])
    with pytest.raises(SourceError, match="line 2: objects is damaged"):
        make_report(sidecar(tmp_path / "bad.jsonl", line, END))
