"""The bench: order, arithmetic, structure and refusals. No test asserts a time."""

import json
import statistics
import sys
from pathlib import Path

import numpy as np
import pytest

from livecam import cli
from livecam.bench import report as view
from livecam.bench.machine import Elsewhere
from livecam.bench.maps import check_alike, check_map, correlation
from livecam.bench.peers import WORKER, Peers, check_python
from livecam.bench.subjects import squares
from livecam.bench.timing import Local, interleaved, summary
from livecam.bench.transcode import ANNOTATE, BOUND, USUAL, Job, count_frames, measure_transcode
from livecam.cli.bench import WHAT, _split, annotate_flags, make_request
from livecam.cli.demo import sample
from livecam.config import resolve
from livecam.errors import ConfigError, ModelError
from livecam.methods import methods


class Recorder:
    """Contestants that only say when it was their turn."""

    def __init__(self):
        self.order = []

    def contestant(self, name):
        recorder = self

        class One:
            def __init__(self):
                self.name = name

            def turn(self, lead, calls):
                recorder.order.append((name, lead, calls))
                return [1.0] * calls

        return One()


def test_everyone_warms_up_then_takes_turns():
    recorder = Recorder()
    seconds = interleaved([recorder.contestant(name) for name in "abc"], 2, warmup=7, lead=1, calls=3)
    assert recorder.order == [(n, 7, 0) for n in "abc"] + [(n, 1, 3) for n in "abc"] * 2
    assert {name: len(values) for name, values in seconds.items()} == {"a": 6, "b": 6, "c": 6}


def test_a_turn_counts_what_comes_after_its_lead():
    ticks, events = iter([0, 5, 10, 11, 20, 22]), []
    local = Local(
        "a",
        lambda number: events.append(number) or number,
        lambda result: events.append(f"checked {result}"),
        lambda: events.append("sync"),
        lambda: next(ticks),
    )
    assert local.turn(1, 2) == [1, 2]
    assert events[:4] == ["sync", 0, "sync", "checked 0"]  # the device has finished before the clock is read
    assert [event for event in events if isinstance(event, int)] == [0, 1, 2]


def test_percentiles_are_numpys():
    seconds = np.random.default_rng(0).exponential(0.01, 501).tolist()
    found = summary(seconds)
    assert found["p50_ms"] == pytest.approx(1000 * statistics.median(seconds), abs=1e-4)
    assert found["p95_ms"] == pytest.approx(1000 * np.percentile(seconds, 95), abs=1e-4)
    assert found["min_ms"] == pytest.approx(1000 * min(seconds), abs=1e-4)
    assert found["samples"] == 501


def test_maps_are_compared_whatever_their_scale_and_size():
    cam = np.random.default_rng(0).random((7, 7), np.float32)
    assert correlation(cam, 3 * np.kron(cam, np.ones((8, 8), np.float32)) + 1) > 0.8
    assert correlation(cam, cam.max() - cam) == pytest.approx(-1)
    assert correlation(cam, np.zeros((7, 7), np.float32)) == 0
    check_alike(0.995, 0.99, "a")
    for value in (0.98, float("nan")):
        with pytest.raises(ModelError, match="a: its map correlates"):
            check_alike(value, 0.99, "a")
    with pytest.raises(ModelError, match="not finite"):
        check_map(np.array([[np.nan]], np.float32), "a")


def test_squares_are_the_middle():
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, 32:96] = 200
    assert squares([picture], 32).tolist() == np.full((1, 32, 32, 3), 200).tolist()


def test_what_others_take_is_counted(monkeypatch):
    taken, own, clock = iter([100.0, 104.0]), iter([10.0, 11.0]), iter([0.0, 2.0])
    monkeypatch.setattr("livecam.bench.machine.all_cpu_s", lambda: next(taken))
    monkeypatch.setattr("livecam.bench.machine.own_cpu_s", lambda child: next(own))
    assert Elsewhere(now=lambda: next(clock)).cores() == 1.5
    monkeypatch.setattr("livecam.bench.machine.all_cpu_s", lambda: None)
    monkeypatch.setattr("livecam.bench.machine.own_cpu_s", lambda child: 0.0)
    assert Elsewhere().cores() is None


class TestTranscode:
    def jobs(self, folder):
        return [
            Job(name, (name,), folder / f"{number}.mp4", ("warm", name) if name == ANNOTATE else None)
            for number, name in enumerate((ANNOTATE, BOUND, USUAL))
        ]

    def test_processes_take_turns(self, tmp_path, monkeypatch):
        jobs, ran, clock = self.jobs(tmp_path), [], [0.0]
        monkeypatch.setattr("livecam.bench.transcode.count_frames", lambda path: 30)

        def start(command):
            ran.append(command)
            clock[0] += {ANNOTATE: 2.0, BOUND: 1.0, USUAL: 12.0}.get(command[0], 100.0)
            return json.dumps({"backend": "b", "precision": "p", "peak_rss_mb": 9, "stages": {}})

        rows = measure_transcode(jobs, 2, start=start, now=lambda: clock[0])
        assert ran == [("warm", ANNOTATE), *[(ANNOTATE,), (BOUND,), (USUAL,)] * 2]
        first, bound, usual = rows
        assert (first["p50_s"], first["fps"], first["of_bound"], first["faster"]) == (2.0, 15.0, 0.5, {USUAL: 6.0})
        assert first["peak_rss_mb"] == 9
        assert bound["runs_s"] == [1.0, 1.0]
        assert "of_bound" not in usual

    def test_a_lost_frame_is_no_result(self, tmp_path, monkeypatch):
        counts = iter([30, 29, 30])
        monkeypatch.setattr("livecam.bench.transcode.count_frames", lambda path: next(counts))
        with pytest.raises(ModelError, match="different numbers of frames"):
            measure_transcode(self.jobs(tmp_path), 1, start=lambda command: "{}")

    def test_frames_are_counted(self, tmp_path):
        assert count_frames(sample()) == 300
        (tmp_path / "no.mp4").write_bytes(b"no")
        with pytest.raises(ModelError, match="no frame was written"):
            count_frames(tmp_path / "no.mp4")

    def test_flags_are_handed_on(self):
        class Random:
            class spec:  # noqa: N801
                name, weights = "resnet18", Path("w.pth")

        given = {"model": None, "class_": "3", "input_size": "160", "weights": None}
        assert annotate_flags(given, Random, None) == [
            *("--class", "3", "--input-size", "160"),
            *("--model", "resnet18", "--weights", "w.pth"),
        ]


class TestPeers:
    def test_a_missing_python_is_said_at_once(self, tmp_path):
        with pytest.raises(ConfigError, match="scripts/peers"):
            check_python(tmp_path / "python")

    def test_a_python_without_them_is_said(self, tmp_path):
        python = tmp_path / "python"
        python.write_text(f"#!{sys.executable} -S\nraise SystemExit('nothing here')")
        python.chmod(0o755)
        with pytest.raises(ConfigError, match=r"nothing here.*scripts/peers"):
            Peers(python, 1)

    def test_a_file_that_cannot_be_run_is_said(self, tmp_path):
        (tmp_path / "python").write_text("")
        with pytest.raises(ConfigError, match="cannot be run"):
            Peers(tmp_path / "python", 1)

    def test_the_worker_answers_and_says_what_failed(self, tmp_path, monkeypatch):
        # Stand-ins for the libraries: the protocol is tested, not they.
        worker = tmp_path / "worker.py"
        worker.write_text(
            "import runpy, sys, types\n"
            "from importlib import metadata\n"
            "for name in ('pytorch_grad_cam', 'torchcam'): sys.modules[name] = types.ModuleType(name)\n"
            "metadata.version = lambda name: '1'\n"
            f"runpy.run_path({str(WORKER)!r}, run_name='__main__')\n"
        )
        monkeypatch.setattr("livecam.bench.peers.WORKER", worker)
        with Peers(Path(sys.executable), 1) as peers:
            assert peers.versions == {"grad-cam": "1", "torchcam": "1", "torch": "1"}
            with pytest.raises(ModelError, match="KeyError: 'nobody'"):
                peers.ask(do="turn", name="nobody", lead=0, calls=1)
            assert peers.ask(do="start", threads=1)["versions"]  # it is still there


@pytest.fixture
def report():
    plain = {"engine": "torch", "precision": "float32", "task": "plain", "p50_ms": 2.0, "p95_ms": 3.0, "fps": 500.0}
    about = {"model": "m", "weights": "random, seed 0", "size": 224}
    peer = {"engine": "peer|1", "peer": True, "precision": "float32", "task": "gradcam", "p50_ms": 20.0, "p95_ms": 30.0}
    return {
        "command": "livecam bench --rounds 1",
        "machine": {"cpu": "CPU", "cores": 2, "threads": 2, "load_1min": 0.1},
        "elsewhere_cores": {"backends": 0.04},
        "versions": {"python": "3"},
        "notes": ["onnxruntime not measured"],
        "backends": [
            about | plain,
            about | plain | {"task": "gradcam", "of_plain": 0.98, "faster": {"peer|1": 10.0}},
            about | peer | {"fps": 50.0},
        ],
    }


def test_markdown_is_a_table(report):
    text = view.markdown(report)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0].endswith("| of plain | × peer\\|1 |")
    assert len(lines) == 5
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert "| m (random, seed 0) | 224² | torch float32 | gradcam | 2.00 | 3.00 | 500 | 0.980 | 10.0 |" in lines
    assert text.endswith("`livecam bench --rounds 1`\n")
    assert "CPU, 2 cores, 2 threads, load 0.1 at the begin; python 3" in text
    assert "- onnxruntime not measured" in text


def test_every_section_says_what_is_inside(report):
    assert [table.note for table in view.tables(report)] == [view.INSIDE["backends"]]


class TestCommand:
    @pytest.fixture
    def bench(self, monkeypatch, capsys, tmp_path):
        monkeypatch.chdir(tmp_path)

        def run(*args):
            monkeypatch.setattr(sys, "argv", ["livecam", "bench", *map(str, args)])
            monkeypatch.setattr(cli._console, "_console", None)
            with pytest.raises(SystemExit) as ended:
                cli.main()
            return ended.value.code, *capsys.readouterr()

        return run

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (("--peers", "nowhere/python"), "--peers nowhere/python: no such python; make its environment with"),
            (("--sections", "nonsense"), "--sections nonsense: not one of"),
            (("--sections", ""), "nothing to measure"),
            (("--sizes", "big"), "--sizes big: give sides"),
            (("--models", "resnet18,resnet50", "--weights", "w.pth"), "fits one of"),
            (("--json", "--markdown"), "choose one"),
            (("--backends", "torhc", "--sections", "backends"), "did you mean 'torch'"),
        ],
    )
    def test_what_makes_no_sense_is_one_line(self, bench, args, words):
        code, out, err = bench(*args)
        assert (code, out) == (2, "")
        assert words in err
        assert len(err.strip().splitlines()) == 1

    def test_the_report(self, bench):
        args = ("--models", "mobilenet_v3_small", "--sizes", "64,96", "--backends", "torch", "--rounds", "1")
        code, out, err = bench(*args, "--frames", "2", "--json")
        assert code == 0
        report = json.loads(out)
        assert {"command", "machine", "versions", "measured", "backends", "overlay", "stages"} <= set(report)
        assert {"cpu", "cores", "threads", "system", "load_1min"} <= set(report["machine"])
        assert "torch" in report["versions"]
        rows = report["backends"]
        assert [(row["size"], row["task"]) for row in rows] == [
            *((64, "plain"), (64, "gradcam"), (96, "plain"), (96, "gradcam"))
        ]
        for row in rows:
            assert {"model", "weights", "engine", "precision", "p50_ms", "p95_ms", "samples", "fps"} <= set(row)
            assert ("of_plain" in row) == (row["task"] == "gradcam") == ("correlation" in row)
        assert [row["map"] for row in report["overlay"]] == ["heat everywhere", "heat on a spot"]
        (stages,) = report["stages"]
        assert stages["frames"] == 2
        assert list(stages["stages"]) == ["decode", "explain", "overlay", "encode"]
        for words in ("Backends", "Overlay", "Stages", report["machine"]["cpu"]):
            assert words in err

    def test_every_method_beside_the_bare_network_of_its_engine(self, bench):
        args = ("--models", "mobilenet_v3_small", "--sizes", "64", "--backends", "torch", "--rounds", "1")
        chosen = "gradcam,scorecam,cam,fullgrad,random"
        args = (*args, "--precisions", "float32,bfloat16", "--budget", "7")
        code, out, err = bench(*args, "--sections", "methods", "--methods", chosen, "--json")
        assert code == 0
        report = json.loads(out)
        tasks = [(row["precision"], row["task"]) for row in report["methods"]]
        # By the first that has what it needs, and no other.
        assert tasks == [("float32", task) for task in ("plain", "gradcam", "scorecam", "fullgrad", "random")]
        plain, *rows = report["methods"]
        for row in rows:
            assert row["times_plain"] == pytest.approx(row["p50_ms"] / plain["p50_ms"], abs=0.01)
        assert report["notes"][0].startswith("cam not measured for mobilenet_v3_small")
        assert "2 forwards, 2 backwards" in err
        assert view.markdown(report).count("\n| ") == 2 + len(tasks)  # heading and rule

    def test_all_methods_at_once(self):
        request = make_request(dict.fromkeys(WHAT) | {"methods": "all", "rounds": 1}, resolve({}), {}, None)
        assert request.plan.methods == tuple(methods())


def test_lists_take_commas_and_spaces():
    assert _split(" a, b,,") == ("a", "b")
    assert _split(None) == ()
