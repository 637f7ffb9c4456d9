"""The commands as a user calls them: exit codes, files, reports."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from fractions import Fraction

import cv2
import numpy as np
import pytest

from livecam import cli
from livecam._av import av
from livecam.backends import open_backend
from livecam.cli.demo import sample
from livecam.errors import ConfigError, SinkError, SourceLost
from livecam.explainer import Explainer
from livecam.jobs import expand, plan
from livecam.sinks.maps import read_maps
from livecam.threads import beside_an_encoder

LONG = "a" * 300
TIME_BASE = Fraction(1, 90000)
PTS = [180000 + 3000 * number + (number % 3) * 700 for number in range(20)]  # uneven, from 2 s on


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty working folder, no display, no settings from outside, and no thread left behind."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("DISPLAY", raising=False)
    before = set(threading.enumerate())
    yield tmp_path
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("livecam")]


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def report(self):
        return json.loads(self.out)


@pytest.fixture
def livecam(monkeypatch, capsys):
    def run(*args):
        monkeypatch.setattr(sys, "argv", ["livecam", *map(str, args)])
        monkeypatch.setattr(cli._console, "_console", None)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(ended.value.code, captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """20 pictures at odd times, starting at 2 s, with sound: part of the sample's pictures."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(sample())) as source, av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        video.codec_context.time_base = video.time_base = TIME_BASE
        audio = out.add_stream_from_template(source.streams.audio[0])
        for number, frame in enumerate(source.decode(video=0)):
            if number == 20:
                break
            picture = frame.reformat(320, 180)
            picture.pts, picture.time_base = PTS[number], TIME_BASE
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        source.seek(0)
        for packet in source.demux(audio=0):
            if packet.dts is not None and packet.pts * packet.time_base < 1:
                packet.pts += 2 * 48000
                packet.dts += 2 * 48000
                packet.stream = audio
                out.mux(packet)
    return path


def packets(path):
    with av.open(str(path)) as source:
        return [(p.pts, bytes(p)) for p in source.demux(audio=0) if p.dts is not None]


def times(path):
    with av.open(str(path)) as source:
        return [frame.pts * frame.time_base for frame in source.decode(video=0)]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


CONTRACT = """
    input output sidecar model method backend device precision frames_in frames_out decode_errors duration_s
    elapsed_s fps stages peak_rss_mb
"""


class TestAnnotate:
    def test_keeps_every_frame_time_and_sound(self, livecam, clip, here):
        result = livecam("annotate", clip, "-o", "out.mp4", "--json")
        assert result.code == 0
        assert set(CONTRACT.split()) <= set(result.report)
        assert (result.report["frames_in"], result.report["frames_out"], result.report["decode_errors"]) == (20, 20, 0)
        assert set(result.report["stages"]) == {"decode", "explain", "overlay", "write"}
        assert set(result.report["stages"]["explain"]) == {"p50_ms", "p95_ms", "p99_ms"}
        assert times(here / "out.mp4") == times(clip) == [pts * TIME_BASE for pts in PTS]
        assert [data for _, data in packets(here / "out.mp4")] == [data for _, data in packets(clip)]
        assert sorted(path.name for path in here.iterdir()) == ["out.mp4", "out.mp4.jsonl"]

    @pytest.mark.parametrize(
        ("flags", "precision", "threads"),
        [
            ((), "fast", beside_an_encoder()),
            (("--precision", "float32", "--threads", 3), "float32", 3),
        ],
    )
    def test_the_engine_leaves_cores_to_the_encoder(self, livecam, clip, here, monkeypatch, flags, precision, threads):
        asked = []

        def noted(*args, **place):
            asked.append((place["precision"], place["threads"]))
            return open_backend(*args, **place)

        monkeypatch.setattr("livecam.explainer.open_backend", noted)
        assert livecam("annotate", clip, "-o", "out.mp4", *flags).code == 0
        assert asked == [(precision, threads)]

    def test_the_sidecar_keeps_its_contract(self, livecam, clip, here):
        livecam("annotate", clip, "-o", "out.mp4", "--top-k", 3)
        header, *frames, end = lines(here / "out.mp4.jsonl")
        assert header == {
            "type": "header",
            "version": 1,
            "source": str(clip),
            "model": "efficientnet_lite0",
            "method": "gradcam",
            "target_layer": "bn2",
            "width": 320,
            "height": 180,
            "time_base": "1/90000",
            "labels": 1000,
        }
        assert end == {"type": "end", "frames": 20, "decode_errors": 0, "settings": {"top_k": 3}}
        assert [frame["pts"] for frame in frames] == pytest.approx([pts / 90000 for pts in PTS])
        for number, frame in enumerate(frames):
            assert (frame["type"], frame["index"], frame["lag"], frame["level"]) == ("frame", number, 0, 0)
            assert len(frame["top"]) == 3
            cam = np.frombuffer(base64.b64decode(frame["cam"]["data"]), np.uint8)
            assert cam.size == frame["cam"]["h"] * frame["cam"]["w"]
            assert frame["peak"] > 0
        assert {frame["label"] for frame in frames} == {"Egyptian cat"}

    def test_twice_gives_the_same_bytes(self, livecam, clip, here):
        for name in ("a.mp4", "b.mp4"):
            livecam("annotate", clip, "-o", name)
        assert (here / "a.mp4.jsonl").read_bytes() == (here / "b.mp4.jsonl").read_bytes()

    def test_subtitles_heat_and_maps_beside_it(self, livecam, clip, here):
        asked = ("--subtitles", "--heatmap-video", "heat.mkv", "--maps", "maps.npz")
        report = livecam("annotate", clip, "-o", "out.mp4", *asked, "--json").report
        assert [report[name] for name in ("subtitles", "heatmap_video", "maps")] == ["out.vtt", "heat.mkv", "maps.npz"]
        assert "00:00:02.000 --> " in (here / "out.vtt").read_text()  # the recording keeps the start of its source
        assert "Egyptian cat" in (here / "out.vtt").read_text()
        with av.open("out.mp4") as out:
            assert [stream.type for stream in out.streams][:3] == ["video", "audio", "subtitle"]
            assert out.chapters()[0]["metadata"]["title"] == "Egyptian cat"
        assert times(here / "heat.mkv") == [pytest.approx(pts / 90000, abs=0.001) for pts in PTS]
        rows, frames = list(read_maps(here / "maps.npz")), lines(here / "out.mp4.jsonl")[1:-1]
        assert [row.pts for row in rows] == [frame["pts"] for frame in frames]
        for row, frame in zip(rows, frames, strict=True):
            said = np.frombuffer(base64.b64decode(frame["cam"]["data"]), np.uint8)
            assert np.array_equal(np.rint(row.cam * 255).astype(np.uint8).ravel(), said)
            assert row.peak == pytest.approx(frame["peak"], rel=1e-5)

    def test_what_cannot_be_written_beside_it_is_said_before_any_work(self, livecam, clip, here):
        (here / "maps.npz").touch()
        assert livecam("annotate", clip, "-o", "out.mp4", "--maps", "maps.npz").code == 5
        assert livecam("annotate", clip, "-o", "out.mp4", "--maps", "maps.txt").code == 2
        assert livecam("annotate", clip, clip, "-o", "out", "--maps", "all.npz").code == 2
        assert [path.name for path in here.iterdir()] == ["maps.npz"]

    def test_the_default_place_is_the_recordings_folder(self, livecam, clip, here):
        assert livecam("annotate", clip, "--max-frames", 2).code == 0
        names = sorted(path.name for path in (here / "recordings").iterdir())
        assert names == ["clip.explained.mp4", "clip.explained.mp4.jsonl"]

    def test_what_exists_is_kept_unless_forced(self, livecam, clip, here):
        (here / "out.mp4").write_text("mine")
        result = livecam("annotate", clip, "-o", "out.mp4")
        assert result.code == 5
        assert "--force" in result.err
        assert (here / "out.mp4").read_text() == "mine"
        assert livecam("annotate", clip, "-o", "out.mp4", "--force", "--max-frames", 2).code == 0
        assert len(times(here / "out.mp4")) == 2

    def test_no_sidecar_no_audio(self, livecam, clip, here):
        livecam("annotate", clip, "-o", "out.mp4", "--no-sidecar", "--no-audio", "--max-frames", 2)
        assert [path.name for path in here.iterdir()] == ["out.mp4"]
        with av.open("out.mp4") as out:
            assert not out.streams.audio

    def test_a_part(self, livecam, here):
        report = livecam("annotate", sample(), "-o", "o.mp4", "--start", 8, "--duration", "0:00:00.5", "--json").report
        assert report["frames_out"] == 15
        assert report["duration_s"] == pytest.approx(0.5)
        assert times(here / "o.mp4")[0] == 0  # the recording is a film of its own
        assert lines(here / "o.mp4.jsonl")[1]["pts"] == 8.0  # the sidecar speaks of the source

    def test_several_inputs_into_a_folder_and_one_of_them_bad(self, livecam, clip, here):
        (here / "bad.mp4").write_text("not a film")
        result = livecam("annotate", clip, "bad.mp4", clip, "-o", "out", "--max-frames", 2, "--json")
        assert result.code == 3
        good, bad, again = result.report["files"]
        assert good["frames_out"] == again["frames_out"] == 2
        assert bad["exit_code"] == 3
        names = sorted(path.name for path in (here / "out").iterdir())
        assert names == [
            "clip-2.explained.mp4",
            "clip-2.explained.mp4.jsonl",
            "clip.explained.mp4",
            "clip.explained.mp4.jsonl",
        ]

    def test_several_inputs_do_not_become_one_file(self):
        with pytest.raises(ConfigError, match="name a folder"):
            plan(["a.mp4", "b.mp4"], "out.mp4", ".mp4")

    def test_a_pattern_of_films_is_several_inputs_and_one_of_images_is_one(self, here):
        for name in ("a.mp4", "b.mp4", "c.jpg", "d.jpg"):
            (here / name).touch()
        assert expand("*.mp4") == ["a.mp4", "b.mp4"]
        assert expand("*.jpg") == ["*.jpg"]

    def test_inputs_of_one_name_get_outputs_of_their_own(self):
        targets = [target for _, target in plan(["a/p.png", "b/p.png"], "out", ".explained.png")]
        assert len(set(targets)) == 2

    @pytest.mark.parametrize(("spec", "output"), [("a.png", "a.png"), ("a.png", "./%05d.png"), (".", "%05d.png")])
    def test_a_file_does_not_overwrite_its_own_input(self, here, spec, output):
        (here / "a.png").touch()
        with pytest.raises(ConfigError, match="the input itself"):
            plan([spec], output, ".png")

    def test_every_failed_input_is_said(self, livecam):
        result = livecam("annotate", "one.mp4", "two.mp4", "-o", "out/")
        assert result.code == 3
        assert "one.mp4" in result.err
        assert "two.mp4" in result.err

    def test_an_interrupt_before_the_first_picture_leaves_nothing(self, livecam, here, monkeypatch):
        from livecam.cli._interrupt import Interrupt

        monkeypatch.setattr(Interrupt, "__enter__", lambda self: setattr(self, "requested", True) or self)
        result = livecam("annotate", "test://?size=64x64", "-o", "out.mp4", "--json")
        assert result.code == 130
        assert result.report["output"] is None
        assert not list(here.iterdir())
        for thread in threading.enumerate():  # given up while the network was compiled; it ends when that is done
            if thread.name == "livecam-explain":
                thread.join(60)

    def test_two_runs_to_one_output_do_not_mix(self, livecam, here, monkeypatch):
        """Another run finishes first; ours is refused and leaves its result alone."""
        explain = Explainer.explain

        def raced(self, *args, **kwargs):
            (here / "out.mp4").write_text("theirs")
            return explain(self, *args, **kwargs)

        monkeypatch.setattr(Explainer, "explain", raced)
        assert livecam("annotate", "test://?size=64x64&frames=3", "-o", "out.mp4").code == 5
        assert (here / "out.mp4").read_text() == "theirs"
        assert [path.name for path in here.iterdir()] == ["out.mp4"]

    def test_a_name_with_a_colon_keeps_its_sound(self, livecam, clip, here):
        shutil.copy(clip, here / "12:30.mp4")
        assert livecam("annotate", "12:30.mp4", "-o", "a:b.mp4").code == 0
        assert packets(here / "a:b.mp4")

    def test_a_name_that_is_no_text(self, livecam, clip, here):
        name = os.fsdecode(b"bad\xff.mp4")
        shutil.copy(clip, here / name)
        assert livecam("annotate", name, "-o", "out.mp4", "--max-frames", 2, "--json").code == 0
        assert lines(here / "out.mp4.jsonl")[0]["source"] == name

    def test_a_pipe_is_read_once(self, livecam, clip, here):
        """A transport stream from a named pipe: no second look at it, so no sound, and no waiting for ever."""
        with av.open(str(clip)) as source, av.open("a.ts", "w") as out:
            stream = out.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
        os.mkfifo("pipe.ts")
        writer = threading.Thread(target=lambda: (here / "pipe.ts").write_bytes((here / "a.ts").read_bytes()))
        writer.start()
        result = livecam("annotate", "pipe.ts", "-o", "out.mp4", "--json")
        writer.join(30)
        assert not writer.is_alive()
        assert (result.code, result.report["frames_out"]) == (0, 20)

    def test_into_images(self, livecam, clip, here):
        assert livecam("annotate", clip, "-o", "frames/%03d.png", "--max-frames", 3).code == 0
        assert sorted(path.name for path in (here / "frames").iterdir()) == ["000.png", "001.png", "002.png"]
        assert len(lines(here / "frames.jsonl")) == 5

    @pytest.mark.parametrize(
        ("args", "code", "says"),
        [
            (("nothing.mp4",), 3, "nothing.mp4"),
            (("text.mp4",), 3, "text.mp4"),
            (("empty.mp4",), 3, "empty.mp4"),
            (("CLIP", "--model", "mobilenetv2"), 2, "did you mean 'mobilenet_v2'"),
            (("CLIP", "--weights", "text.mp4"), 6, "text.mp4"),
            (("CLIP", "--layer", "features"), 6, "no layer 'features'"),
            (("CLIP", "--class", "unicorn"), 2, "unicorn"),
            (("CLIP", "--method", "gradcat"), 2, "did you mean 'gradcam'"),
            (("CLIP", "--alpha", "2"), 2, "--alpha"),
            (("CLIP", "--colormap", "infern"), 2, "inferno"),
            (("CLIP", "--codec", "h263"), 2, "h263"),
            (("CLIP", "--device", "cuda:77"), 6, "cuda:77"),
            (("CLIP", "--device", "toaster"), 2, "toaster"),
            (("CLIP", "--std", "0"), 2, "--std"),
            (("CLIP", "--mean", "nan"), 2, "--mean"),
            (("CLIP", "--start", "inf"), 2, "--start"),
            (("CLIP", "--model", "timm/resnet18.bogus"), 2, "did you mean 'timm/resnet18."),
            (("CLIP", "-o", "display"), 2, "display"),
            (("CLIP", "-o", "null"), 2, "null"),
            (("CLIP", "-o", "text.mp4/out.mp4"), 5, "text.mp4"),
            (("CLIP", "-o", "out.xyz"), 2, "out.xyz"),
            (("CLIP", "--nonsense"), 2, "--nonsense"),
            ((), 2, "INPUT"),
        ],
    )
    def test_bad_input_is_one_line_and_leaves_nothing(self, livecam, clip, here, args, code, says):
        (here / "text.mp4").write_text("not a film")
        (here / "empty.mp4").touch()
        before = sorted(path.name for path in here.iterdir())
        result = livecam("annotate", *(clip if arg == "CLIP" else arg for arg in args))
        assert result.code == code
        assert says in result.err
        assert sum(line.startswith("livecam: error:") for line in result.err.splitlines()) <= 1
        assert sorted(path.name for path in here.iterdir() if path.name != "recordings") == before
        assert not list(here.rglob("*.part"))
        assert not list(here.rglob("*.explained.*"))

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_finalises_the_files(self, livecam, here, monkeypatch, number):
        explain = Explainer.explain

        def interrupted(self, image, *args, **kwargs):
            if int(image[0, 0, 0]) >= 0 and next(count) == 10:
                os.kill(os.getpid(), number)
            return explain(self, image, *args, **kwargs)

        count = iter(range(10**9))
        monkeypatch.setattr(Explainer, "explain", interrupted)
        result = livecam("annotate", "test://?size=64x64", "-o", "out.mp4", "--json")  # an endless source
        assert result.code == 130
        assert result.report["interrupted"]
        assert len(times(here / "out.mp4")) == result.report["frames_out"] >= 5
        assert lines(here / "out.mp4.jsonl")[-1]["frames"] == result.report["frames_out"]
        assert signal.getsignal(number) is not None

    def test_a_model_that_fails_in_the_middle_leaves_nothing(self, livecam, here, monkeypatch):
        def fail(self, _pictures):
            raise RuntimeError("device lost")

        monkeypatch.setattr("livecam.backends.pytorch.TorchBackend._normalise", fail)
        result = livecam("annotate", "test://?frames=5&size=64x64", "-o", "out.mp4", "--backend", "torch")
        assert result.code == 6
        assert "device lost" in result.err
        assert not list(here.iterdir())

    def test_a_source_that_is_lost_keeps_what_was_recorded(self, livecam, here, monkeypatch):
        from livecam.sources.synthetic import SyntheticSource

        read = SyntheticSource.read
        frames = iter(range(10**9))

        def lost(self):
            if next(frames) == 8:
                raise SourceLost("test: the cable is out")
            return read(self)

        monkeypatch.setattr(SyntheticSource, "read", lost)
        result = livecam("annotate", "test://?size=64x64", "-o", "out.mp4")
        assert result.code == 4
        assert len(times(here / "out.mp4")) == 8

    def test_a_video_that_cannot_be_finalised_takes_its_sidecar_with_it(self, livecam, here, monkeypatch):
        from livecam.sinks.video import VideoSink

        def full(self):
            self.abort()
            raise SinkError("out.mp4: no space left")

        monkeypatch.setattr(VideoSink, "close", full)
        assert livecam("annotate", "test://?size=64x64&frames=3", "-o", "out.mp4").code == 5
        assert not list(here.iterdir())

    def test_settings_from_file_and_environment(self, livecam, clip, here, monkeypatch):
        (here / "set.toml").write_text('top_k = 2\ncodec = "h265"\nsidecar = true')
        monkeypatch.setenv("LIVECAM_CODEC", "vp9")
        livecam("annotate", clip, "-o", "o.mkv", "--config", "set.toml", "--max-frames", 2)
        assert len(lines(here / "o.mkv.jsonl")[1]["top"]) == 2
        with av.open("o.mkv") as out:
            assert out.streams.video[0].codec_context.name in ("vp9", "libvpx-vp9")


class TestDemo:
    def test_annotates_the_clip_and_says_where(self, livecam, here):
        result = livecam("demo", "--json")
        output = here / "recordings" / "sample.explained.mp4"
        assert result.code == 0
        assert str(output) in result.err.replace("\n", "")
        assert result.report["frames_out"] == len(times(output)) == 300
        seen = [frame["label"] for frame in lines(here / "recordings" / "sample.explained.mp4.jsonl")[1:-1]]
        assert [seen[n] for n in (50, 150, 250)] == ["Egyptian cat", "tripod", "espresso"]
        assert len([n for n in range(1, 300) if seen[n] != seen[n - 1]]) == 2  # the label changes with the cuts only


class TestLive:
    def test_the_network_is_ready_before_the_first_picture(self, livecam, here, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(here / "empty"))
        result = livecam("live", "test://?size=64x48&fps=30&frames=6", "-o", "null", "--json")
        assert result.code == 0
        assert result.report["explained"] > 0  # though compiling takes longer than this show

    def test_records_in_real_time(self, livecam, here):
        result = livecam(
            "live", "test://?fps=20&frames=30&size=160x120", "-o", "out.mp4", "-o", "null", "-o", "o.jsonl", "--json"
        )
        assert result.code == 0
        shown = times(here / "out.mp4")
        with av.open("out.mp4") as out:
            duration = float(out.duration / av.time_base)
        assert result.report["frames_in"] == 30
        # Times are when a picture was due: the last one is 29/20 s after the first, unless the first was replaced.
        assert float(shown[-1] - shown[0]) == pytest.approx(1.45, abs=0.2)
        assert duration == pytest.approx(1.5, abs=0.2)
        end = lines(here / "o.jsonl")[-1]
        assert (end["type"], end["state"]["frames_in"]) == ("end", 30)
        assert set(end["state"]["stages"]) >= {"explain", "overlay"}

    def test_subtitles_heat_and_maps(self, livecam, here):
        asked = ("--subtitles", "--heatmap-video", "heat.mkv", "--maps", "maps.npz")
        result = livecam("live", "test://?fps=20&frames=20&size=96x64", "-o", "out.mkv", *asked, "--json")
        assert result.code == 0
        assert sorted(path.name for path in here.iterdir()) == ["heat.mkv", "maps.npz", "out.mkv", "out.vtt"]
        assert times(here / "heat.mkv") == times(here / "out.mkv")
        assert list(read_maps(here / "maps.npz"))

    def test_several_cameras_are_one_picture(self, livecam, here):
        names = ["test://?size=96x64&frames=20&seed=1", "test://?size=64x96&frames=10&fps=15"]
        result = livecam("live", *names, "-o", "out.mp4", "-o", "null", "--json", "--input", "squash")
        assert result.code == 0
        report = result.report
        assert [camera["input"] for camera in report["cameras"]] == names
        assert [camera["frames_in"] for camera in report["cameras"]] == [20, 10]
        assert all(camera["health"] == "ended" and camera["explained"] for camera in report["cameras"])
        assert 0 < len(times(here / "out.mp4")) <= report["frames_out"] <= 30

    @pytest.mark.parametrize("flags", [("0",), ("--sync",), ("--maps", "m.npz")])
    def test_what_several_cameras_cannot_do(self, livecam, here, flags):
        sources = (
            ["0", "0"] if flags == ("0",) else ["test://?frames=3&size=64x64", "test://?frames=3&size=64x64&seed=1"]
        )
        result = livecam("live", *sources, "-o", "null", *flags[flags == ("0",) :])
        assert result.code == 2

    def test_without_a_display_it_says_so(self, livecam):
        result = livecam("live", "test://?frames=3")
        assert result.code == 5
        assert "-o" in result.err

    def test_without_a_camera_it_says_so(self, livecam):
        result = livecam("live", "77", "-o", "null")
        assert result.code == 3
        assert "77" in result.err

    def test_a_recording_is_not_overwritten(self, livecam, here):
        (here / "out.mp4").write_text("mine")
        assert livecam("live", "test://?frames=3&size=64x64", "-o", "out.mp4").code == 5
        assert (here / "out.mp4").read_text() == "mine"

    def test_in_sync_each_picture_has_its_own_explanation(self, livecam, here):
        result = livecam("live", "test://?fps=30&frames=30&size=96x64", "--sync", "-o", "o.jsonl", "--json")
        assert result.code == 0
        report = result.report
        assert report["measures"]["sync_error_frames"] == {"p50": 0.0, "p95": 0.0, "p99": 0.0}
        assert report["frames_out"] + report["dropped"].get("overwritten", 0) == report["frames_in"] == 30
        assert {line["lag"] for line in lines(here / "o.jsonl")[1:-1]} == {0}

    @pytest.mark.parametrize("check", [True, False])
    def test_maps_are_checked_unless_told_otherwise(self, livecam, here, check):
        flags = [] if check else ["--no-check"]
        result = livecam("live", "test://?fps=30&frames=30&size=96x64", "--sync", "-o", "null", "--json", *flags)
        assert result.code == 0
        measured = result.report["measures"]
        assert ("hot_hidden_drop_points" in measured, "cold_hidden_drop_points" in measured) == (check, check)
        assert ("check" in result.report["stages"]) == check

    def test_a_slow_source_is_recorded_once_a_picture(self, livecam, here):
        """At 4 fps a picture is shown again while none comes; a file gets it once."""
        result = livecam("live", "test://?fps=4&frames=4&size=64x64", "-o", "i/%d.png", "-o", "o.jsonl", "--json")
        assert result.code == 0
        indices = [line["index"] for line in lines(here / "o.jsonl")[1:-1]]
        assert len(indices) == len(set(indices)) == result.report["frames_out"] == len(list((here / "i").iterdir()))

    @pytest.mark.parametrize(
        "outputs",
        [
            ("-o", "o.mp4", "-o", "o.mp4"),
            ("-o", "o.mp4", "-o", "./o.mp4"),
            ("-o", "o.mp4", "-o", "o.mkv", "--subtitles"),  # both have o.vtt
            ("-o", "o.mkv", "--heatmap-video", "o.mkv"),
            ("-o", "null", "-o", "null"),
        ],
    )
    def test_an_output_is_named_once(self, livecam, here, outputs):
        result = livecam("live", "test://?frames=3&size=64x64", *outputs)
        assert result.code == 2
        assert "one is named twice" in result.err
        assert len(result.err.splitlines()) == 1
        assert not list(here.iterdir())

    def test_an_unknown_sink(self, livecam):
        result = livecam("live", "test://?frames=3&size=64x64", "-o", "toaster")
        assert result.code == 2
        assert "toaster" in result.err


class TestExplain:
    @pytest.fixture
    def photo(self, here):
        with av.open(str(sample())) as source:
            source.seek(9_000_000)
            image = next(source.decode(video=0)).to_ndarray(format="bgr24")
        cv2.imwrite("photo.jpg", image)
        return here / "photo.jpg"

    def test_a_still(self, livecam, photo, here):
        result = livecam("explain", photo, "--json")
        assert result.code == 0
        assert result.report["label"] == "espresso"
        stored = json.loads((here / "recordings" / "photo.explained.json").read_text())
        assert stored == result.report
        overlay, original = cv2.imread("recordings/photo.explained.png"), cv2.imread(str(photo))
        assert overlay.shape == original.shape
        assert (overlay != original).any()

    def test_a_class_of_choice(self, livecam, photo):
        report = livecam("explain", photo, "--class", "cup", "-o", "o.png", "--json").report
        assert report["label"] == "cup"

    def test_a_folder_with_a_bad_image(self, livecam, photo, here):
        shutil.copy(photo, here / "other.jpg")
        (here / "bad.jpg").write_text("no image")
        result = livecam("explain", here, "-o", "out", "--json")
        assert result.code == 3
        assert {report.get("label") for report in result.report["files"]} == {None, "espresso"}
        assert len(list((here / "out").iterdir())) == 4

    def test_what_exists_is_kept(self, livecam, photo, here):
        (here / "o.png").write_text("mine")
        assert livecam("explain", photo, "-o", "o.png").code == 5
        assert (here / "o.png").read_text() == "mine"

    def test_no_such_image(self, livecam):
        assert livecam("explain", "nothing.jpg").code == 3


class TestLists:
    def test_models(self, livecam):
        found = livecam("models", "--json").report
        assert found["efficientnet_lite0"]["weights"] == "here"
        assert {"mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "resnet18", "resnet50"} <= set(found)
        assert livecam("models", "efficientnet_lite0", "--labels", "--json").report["207"] == "golden retriever"
        assert livecam("models", "timm/mobilenetv4_conv_small", "--json").code == 0
        assert livecam("models", "nonsense").code == 2
        assert livecam("models").code == 0

    def test_fetch_what_is_here(self, livecam):
        assert livecam("models", "--fetch", "efficientnet_lite0").code == 0

    def test_methods(self, livecam):
        report = livecam("methods", "--json").report
        assert report["gradcam"]["paper"] == "arXiv:1610.02391"
        assert report["cam"]["needs"] == ["a head of pooling and one linear layer"]
        assert "gradcam" in report["hirescam"]["same_as"]
        assert [name for name in report if report[name]["budget"]] == ["iscam", "scorecam", "smoothgradcampp", "sscam"]
        classless = ["attentionrollout", "eigencam", "fem", "kpcacam", "random"]
        assert [name for name in report if not report[name]["of_class"]] == classless
        assert "Grad-CAM" in livecam("methods").err

    def test_devices(self, livecam):
        found = livecam("devices", "--json").report
        assert found["compute"][0]["device"] == "cpu"
        assert found["encoders"]["h264"]
        assert livecam("devices").code == 0

    def test_doctor(self, livecam):
        result = livecam("doctor", "--json")
        states = {finding["subject"]: finding["state"] for finding in result.report["findings"]}
        assert states["model"] == "ok"
        assert states["display"] == "note"
        assert result.code == (0 if result.report["ok"] else max(f["exit_code"] for f in result.report["findings"]))
        assert "OpenCV" in livecam("doctor").err


def test_help_of_every_verb(livecam):
    names = set(cli.livecam.list_commands(None))
    assert {"demo", "annotate", "live", "explain", "models", "methods", "devices", "doctor"} <= names
    for name in names:
        assert livecam(name, "--help").code == 0


@pytest.mark.parametrize(
    "words", [["annotate", LONG], ["annotate", "@", "-o", f"{LONG}.mp4"], ["annotate", "@", "--like", LONG]]
)
def test_a_name_that_is_too_long(livecam, clip, words):
    result = livecam(*(clip if word == "@" else word for word in words))
    assert result.code == 2
    assert result.err.startswith("livecam: error: 'aaa") and len(result.err) < 100


def test_an_unknown_verb(livecam):
    assert livecam("anotate").code == 2


@pytest.mark.parametrize(
    ("words", "libraries"),
    [
        (["--help"], {"torch", "cv2", "av", "numpy"}),
        (["annotate", "none.mp4"], {"torch", "openvino", "open_clip", "fsspec", "ray", "rich.progress"}),
    ],
)
def test_what_is_not_asked_for_is_not_loaded(words, libraries):
    code = f"""
import sys
from livecam.cli import main
sys.argv = ["livecam", *{words}]
try:
    main()
finally:
    found = {libraries} & set(sys.modules)
    assert not found, found
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "AssertionError" not in run.stderr
    assert run.returncode == (3 if "none.mp4" in words else 0), run.stderr
