"""Decode and encode alone, with the encoder of ``livecam annotate``: what no annotating process can beat.

Called as ``python _decode_encode.py SRC DST JSON``, JSON of ``{encoder, options, gop_size}``.
"""

from __future__ import annotations

import json
import sys


def main(source: str, target: str, settings: str) -> None:
    # Without OpenCV before it: this process shows no window, and has nothing to pay but its work.
    import av  # noqa: TID251

    coding = json.loads(settings)
    with av.open(source) as decoder, av.open(target, "w") as out:
        video = decoder.streams.video[0]
        video.thread_type = "AUTO"
        stream = out.add_stream(coding["encoder"], rate=video.average_rate, options=coding["options"])
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.gop_size = coding["gop_size"]
        for frame in decoder.decode(video):
            frame.pict_type = av.video.frame.PictureType.NONE  # the encoder decides, not the source's choice
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


if __name__ == "__main__":
    main(*sys.argv[1:])
