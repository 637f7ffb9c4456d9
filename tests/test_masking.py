"""A secret that occurs in an address occurs in no output."""

from __future__ import annotations

from pathlib import Path

import pytest

from livecam.masking import masked

SECRET = "s3cr3tX"


@pytest.mark.parametrize(
    "address",
    [
        f"rtsp://me:{SECRET}@10.0.0.7/stream",
        f"rtsp://me:{SECRET}@10.0.0.7:554/stream: connection refused",
        f"rtsp://:{SECRET}@h/",
        f"rtsp://me:a/{SECRET}@h/x",  # a password that should have been escaped
        f"rtsp://me:a@{SECRET}@h/x",
        f"rtsp://me:a?b#{SECRET}@h/x",
        f"HTTP://h/x?token={SECRET}",
        f"http://h/x?fps=5&access_token={SECRET}&q=1",
        f"http://h/x?API_KEY={SECRET}",
        f"http://h/x?user=a&Password={SECRET}#t",
        f"http://h/x?a=1;pwd={SECRET}",
        f"https://h/x?auth=a/{SECRET}==",
        f"https://h/x?X-Amz-Signature={SECRET}&X-Amz-Credential=a/{SECRET}/b",
        f"rtsp://10.0.0.7:554/user=admin_password={SECRET}_a{SECRET}_channel=1_stream=0.sdp",
        f"rtmp://h/live/{SECRET}",
        f"rtmp://h:1935/live/inner/{SECRET}: connection refused",
        f"rtmps://h/{SECRET}",
        str(Path(f"rtmp://h/live/{SECRET}")),
        str(Path(f"rtsp://me:{SECRET}@h/live")),
        f"RTMP://h/live/{SECRET}/",
        f"rtmp://h/app/{SECRET}?s_bl=1&s_a={SECRET}/{SECRET}",
        f"rtmp://me:{SECRET}@h/app/{SECRET}, rtmp://h/app/{SECRET}",
        f"('rtmp://h/app/{SECRET}')",
        f"'rtsp://me:{SECRET}@h/x' and http://h/x?token={SECRET}",
    ],
)
def test_no_secret_is_shown(address: str) -> None:
    assert SECRET not in masked(address)
    assert "***" in masked(address)
    assert masked(masked(address)) == masked(address)


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://10.0.0.7:554/stream",
        "rtmp://10.0.0.7:1935",
        "test://?size=640x480&fps=30&frames=300&seed=0&faults=1",
        "http://h:8080/video.mjpg?fps=5&width=640",
        "clip.mp4: no such file; check the spelling",
        "--mean 0.5: key=value stays, for it is no address",
        "mail me@example.org: hello",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masked(text) == text


def test_the_rest_of_an_address_stays() -> None:
    assert masked("http://me:pw@cam:80/a?token=t&fps=5: gone") == "http://me:***@cam:80/a?token=***&fps=5: gone"
    assert masked("-o rtmp://h:1935/app/room/key: gone") == "-o rtmp://h:1935/app/room/***: gone"
