"""What people write today: an OpenCV loop, pytorch-grad-cam, VideoWriter; every frame, one after the other.

Called as ``python -P _usual_script.py SRC DST FOLDER_OF_LIVECAM JSON`` by the python of the peers' environment, JSON of
``{name, classes, layer, weights, mean, std, threads}``; of livecam it uses only the table that builds a network.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

SIDE = 224  # pixels, as in the examples of pytorch-grad-cam


def main(source: str, target: str, root: str, settings: str) -> None:
    import cv2
    import numpy as np
    import torch

    sys.path.append(root)
    from livecam.models import get_card

    library: Any = importlib.import_module("pytorch_grad_cam")
    image: Any = importlib.import_module("pytorch_grad_cam.utils.image")
    state = json.loads(settings)
    torch.set_num_threads(state["threads"])
    model = get_card(state["name"]).build(state["classes"])
    model.load_state_dict(torch.load(state["weights"], weights_only=True))
    model.eval()
    cam = library.GradCAM(model=model, target_layers=[model.get_submodule(state["layer"])])

    capture = cv2.VideoCapture(source)
    width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(target, codec, capture.get(cv2.CAP_PROP_FPS), (width, height))
    while True:
        there, frame = capture.read()
        if not there:
            break
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        small = np.float32(cv2.resize(rgb, (SIDE, SIDE))) / 255
        x = image.preprocess_image(small, mean=state["mean"], std=state["std"])
        grey = cv2.resize(cam(input_tensor=x, targets=None)[0], (width, height))
        shown = image.show_cam_on_image(np.float32(rgb) / 255, grey, use_rgb=True)
        writer.write(cv2.cvtColor(shown, cv2.COLOR_RGB2BGR))
    writer.release()


if __name__ == "__main__":
    main(*sys.argv[1:])
