"""Files and addresses made to do harm: no code is run, no other file is read, nothing takes all of the memory."""

from __future__ import annotations

import http.server
import json
import pickle
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from mutants import make_clips
from onnx import TensorProto, helper

from livecam.backends import open_backend
from livecam.cli.demo import sample
from livecam.config import resolve
from livecam.errors import ConfigError, LivecamError, SourceError, WeightsError
from livecam.media import MOST_PIXELS
from livecam.models import ModelSpec, load_model
from livecam.models.checkpoint import read_state
from livecam.models.labels import read_labels
from livecam.models.own import own_card
from livecam.sinks.sidecar import read_sidecar
from livecam.sources import open_source

SECRET = "the secret of another file"


def said(error: pytest.ExceptionInfo[LivecamError]) -> str:
    """The one line that the user sees; long enough to help, short enough to read."""
    text = str(error.value)
    assert len(text) < 500
    assert "\n" not in text
    assert SECRET not in text
    return text


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clips(sample(), tmp_path_factory.mktemp("clips"))[0]


class TestPlaylists:
    """FFmpeg goes by content: any of these may be called clip.mp4."""

    @pytest.mark.parametrize(
        "text",
        [
            "ffconcat version 1.0\nfile {clip}\n",
            "\ufeff#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{clip}\n#EXT-X-ENDLIST\n",
            "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{clip}</BaseURL></MPD>',
        ],
        ids=["concat", "hls", "hls of the network", "sdp", "dash"],
    )
    @pytest.mark.parametrize("name", ["clip.mp4", "list.m3u8"])
    def test_in_a_file_is_not_followed(self, clip: Path, tmp_path: Path, text: str, name: str) -> None:
        path = tmp_path / name
        path.write_text(text.format(clip=clip.name), encoding="utf-8")
        (tmp_path / clip.name).write_bytes(clip.read_bytes())
        with pytest.raises(SourceError) as error:
            open_source(str(path))
        assert "list of other files or addresses" in said(error)

    def test_behind_other_text_it_is_no_video(self, clip: Path, tmp_path: Path) -> None:
        """What the first bytes do not show: the demuxers themselves are left out."""
        path = tmp_path / "a.ffconcat"
        path.write_text(f"# a comment\nffconcat version 1.0\nfile {clip.name}\n")
        (tmp_path / clip.name).write_bytes(clip.read_bytes())
        with pytest.raises(SourceError) as error:
            open_source(str(path))
        assert "cannot be opened" in said(error)

    @pytest.mark.parametrize("kind", ["hls", "concat"])
    def test_of_a_server_do_not_reach_files_of_this_machine(
        self, clip: Path, tmp_path: Path, served: str, kind: str
    ) -> None:
        lists = {
            "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{clip}\n#EXT-X-ENDLIST\n",
            "concat": "ffconcat version 1.0\nfile file:{clip}\n",
        }
        (tmp_path / "bad.m3u8").write_text(lists[kind].format(clip=clip))
        with pytest.raises(SourceError) as error:
            open_source(f"{served}/bad.m3u8")
        assert "bad.m3u8" in said(error)

    def test_of_a_server_are_followed_to_that_server(self, tmp_path: Path, served: str) -> None:
        clips = {path.suffix: path for path in make_clips(sample(), tmp_path)}
        (tmp_path / "good.m3u8").write_text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{clips['.ts'].name}\n#EXT-X-ENDLIST\n"
        )
        with open_source(f"{served}/good.m3u8") as source:
            assert source.read() is not None


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """``tmp_path``, by HTTP."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "spec", ["concat:{clip}|{clip}", "subfile,,start,0,end,0,,:{clip}", "data:video/mp4;base64,AAAA", "crypto:{clip}"]
)
@pytest.mark.parametrize("form", ["{}", "x://{}", "{}://"])
def test_protocols_that_wrap_others_are_no_addresses(clip: Path, spec: str, form: str) -> None:
    with pytest.raises(LivecamError) as error:
        open_source(form.format(spec.format(clip=clip)))
    assert "no such file" in said(error)


def png(width: int, height: int) -> bytes:
    """A grey PNG of any size in a few kilobytes: all of its pixels are equal."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    squeezer = zlib.compressobj(9)
    data = b"".join(squeezer.compress(bytes(width + 1)) for _ in range(height)) + squeezer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


class TestBombs:
    @pytest.mark.parametrize("name", ["bomb.png", "bomb.jpg", "bomb.mp4"])
    def test_a_picture_larger_than_memory(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        path.write_bytes(png(20_000, MOST_PIXELS // 20_000 + 1))
        assert path.stat().st_size < 1 << 20
        with pytest.raises(SourceError) as error:
            open_source(str(path))
        assert "large" in said(error)

    def test_a_checkpoint_that_unpacks_to_more_than_it_is(self, tmp_path: Path) -> None:
        plain, bomb = tmp_path / "plain.pth", tmp_path / "bomb.pth"
        torch.save({"state_dict": {"x": torch.zeros(1 << 20)}}, plain)
        assert set(read_state(plain)) == {"x"}
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
            for part in source.infolist():
                target.writestr(part.filename, source.read(part))
        with pytest.raises(WeightsError) as error:
            read_state(bomb)
        assert "unpacks to" in said(error)

    def test_labels(self, tmp_path: Path) -> None:
        path = tmp_path / "labels.txt"
        with path.open("wb") as file:
            file.truncate(1 << 34)  # takes no room on the disk
        with pytest.raises(ConfigError) as error:
            read_labels(path)
        assert "no list of names" in said(error)

    def test_settings(self, tmp_path: Path) -> None:
        path = tmp_path / "a.toml"
        with path.open("wb") as file:
            file.truncate(1 << 34)
        with pytest.raises(ConfigError) as error:
            resolve({}, path)
        assert "no list of settings" in said(error)

    def test_a_sidecar_of_one_endless_line(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        path.write_text(json.dumps({"type": "header", "version": 1}) + "\n")
        with path.open("r+b") as file:
            file.truncate(100 << 20)
        with pytest.raises(SourceError) as error:
            list(read_sidecar(path))
        assert "line 2 is damaged" in said(error)


class Harm:
    """What a pickle does when it is believed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def itself() -> dict[str, Any]:
    state: dict[str, Any] = {}
    state["state_dict"] = state
    return state


def endless(classes: int) -> dict[str, torch.Tensor]:
    """mobilenet_v3_small's head for so many classes, in 4 bytes."""
    state = load_state("mobilenet_v3_small")
    return state | {"classifier.3.weight": torch.zeros(1, 1).expand(classes, 1024)}


def load_state(name: str) -> dict[str, torch.Tensor]:
    from livecam.models import get_card

    return get_card(name).build(1000).state_dict()


class TestCheckpoints:
    @pytest.mark.parametrize("dump", [pickle.dump, torch.save], ids=["pickle", "torch"])
    def test_no_code_is_run(self, tmp_path: Path, dump: Callable[..., None]) -> None:
        path, harmed = tmp_path / "a.pth", tmp_path / "harmed"
        with path.open("wb") as file:
            dump({"state_dict": {"x": Harm(harmed)}}, file)
        with pytest.raises(WeightsError) as error:
            read_state(path)
        assert str(path) in said(error)
        assert not harmed.exists()

    def test_one_that_contains_itself(self, tmp_path: Path) -> None:
        path = tmp_path / "a.pth"
        torch.save(itself(), path)
        with pytest.raises(WeightsError) as error:
            read_state(path)
        assert "no tensors" in said(error)

    def test_a_tensor_whose_numbers_are_not_there(self, tmp_path: Path) -> None:
        """The number of classes is read from the head: nobody's memory has room for these."""
        path = tmp_path / "a.pth"
        torch.save(endless(10**9), path)
        with pytest.raises(WeightsError) as error:
            load_model("mobilenet_v3_small", weights=path)
        assert "classifier.3.weight" in said(error)

    @pytest.mark.parametrize("suffix", ["pth", "safetensors"])
    @pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + bytes(100), b"\x80\x02" + b"(" * 10_000, b"\xff" * 64])
    def test_nonsense(self, tmp_path: Path, suffix: str, data: bytes) -> None:
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(data)
        with pytest.raises(WeightsError) as error:
            read_state(path)
        assert str(path) in said(error)


def network(path: Path, weight: TensorProto, **facts: str) -> ModelSpec:
    """Global average pooling and a linear layer, with ``weight`` (10, 3) as the matrix."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w"], ["y"], transB=1),
    ]
    shapes = (("x", [1, 3, 64, 64]), ("y", [1, 10]))
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes)
    model = helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], [weight]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    for name, value in facts.items():
        model.metadata_props.add(key=f"livecam.{name}", value=value)
    path.write_bytes(model.SerializeToString())
    return ModelSpec(str(path))


def opened(spec: ModelSpec) -> None:
    open_backend("auto", spec, layer=None, device="cpu", precision="auto").close()


class TestOnnx:
    @pytest.mark.parametrize("location", ["../secret", "../../../../../../etc/passwd", "{folder}/secret", "link"])
    def test_weights_in_files_of_others(self, tmp_path: Path, location: str) -> None:
        folder = tmp_path / "model"
        folder.mkdir()
        (tmp_path / "secret").write_text(SECRET * 10)
        (folder / "link").symlink_to(tmp_path / "secret")
        weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[10, 3], data_location=TensorProto.EXTERNAL)
        entries = {"location": location.format(folder=tmp_path), "offset": "0", "length": "120"}
        for key, value in entries.items():
            weight.external_data.add(key=key, value=value)
        with pytest.raises(WeightsError) as error:
            opened(network(folder / "a.onnx", weight))
        assert "cannot be read as ONNX" in said(error)

    def test_a_tensor_larger_than_memory(self, tmp_path: Path) -> None:
        weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2**40, 3], raw_data=bytes(120))
        with pytest.raises(LivecamError) as error:
            opened(network(tmp_path / "a.onnx", weight))
        assert "a.onnx" in said(error)

    @pytest.mark.parametrize(
        "facts",
        [
            {"mean": "[" * 100_000},
            {"mean": '{"a": 1}'},
            {"std": "[1, 2]"},
            {"labels": "[" * 100_000},
            {"labels": "nonsense"},
            {"labels": '["one"]'},
        ],
        ids=lambda facts: next(f"{name} {text[:9]}" for name, text in facts.items()),
    )
    def test_what_it_says_of_itself(self, tmp_path: Path, facts: dict[str, str]) -> None:
        weight = onnx.numpy_helper.from_array(torch.rand(10, 3).numpy(), "w")
        with pytest.raises(LivecamError) as error:
            opened(network(tmp_path / "a.onnx", weight, **facts))
        said(error)


class TestSettings:
    @pytest.mark.parametrize(
        "text",
        [
            "x = " + "[" * 100_000,
            "model = " + json.dumps("x" * 100_000) + "\nalpha = " + json.dumps("y" * 100_000),
            "\x00",
            "[kiosk]\nnotice = 3",
            "__class__ = 1",
            "kiosk.clip = 1\nkiosk.nothing = " + json.dumps("z" * 10_000),
        ],
        ids=["nested", "long", "binary", "type", "dunder", "unknown"],
    )
    def test_one_short_line(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "a.toml"
        path.write_text(text)
        with pytest.raises(ConfigError) as error:
            resolve({}, path)
        said(error)

    def test_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "a.toml"
        path.write_bytes(b"model = '\xff\xfe'")
        with pytest.raises(ConfigError) as error:
            resolve({}, path)
        said(error)


class TestCards:
    @pytest.mark.parametrize(
        "text",
        [
            "model = " + "[" * 100_000,
            "model = " + str([1] * 50_000),
            json.dumps("x" * 100_000) + " = 1",
            "\x00",
            'model = "resnet18"\n#' + "x" * (1 << 20),
        ],
        ids=["nested", "type", "unknown", "binary", "large"],
    )
    def test_one_short_line(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "card.toml"
        path.write_text(text)
        with pytest.raises(ConfigError) as error:
            own_card(str(path))
        said(error)

    @pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
    def test_weights_that_never_end(self, tmp_path: Path) -> None:
        path = tmp_path / "card.toml"
        path.write_text('model = "resnet18"\nweights = "/dev/zero"')
        with pytest.raises(WeightsError, match="is no file"):
            load_model(str(path))


class TestLabels:
    @pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"[" * 100_000, b'{"0": "a", "2": "b"}', b'{"x": 1}', b"3"])
    def test_nonsense(self, tmp_path: Path, data: bytes) -> None:
        path = tmp_path / "labels.json"
        path.write_bytes(data)
        with pytest.raises(ConfigError) as error:
            read_labels(path)
        assert "labels.json" in said(error)

    def test_names_do_not_steer_a_terminal(self, tmp_path: Path) -> None:
        path = tmp_path / "labels.json"
        path.write_text(json.dumps(["\x1b[2J\x1b]0;owned\x07cat", "a\nb", "x" * 10_000, "虎斑猫"]))
        names = read_labels(path)
        assert names[0] == "[2J ]0;owned cat"
        assert names[1] == "a b"
        assert len(names[2]) == 200
        assert names[3] == "虎斑猫"
