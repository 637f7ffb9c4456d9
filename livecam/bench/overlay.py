"""The overlay alone: a picture and a small map in, a picture out; no inference.

A map's spread decides: livecam leaves cold areas alone. So two maps: heat everywhere, and heat on one spot.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from livecam.bench.maps import check_map
from livecam.bench.peers import Peers, open_overlays
from livecam.bench.timing import Contestant, Local, interleaved, summary
from livecam.errors import ModelError
from livecam.overlay import blend
from livecam.types import Heatmap, Image

SIZE = (720, 1280)
MAP = (7, 12)


def maps() -> dict[str, Heatmap]:
    """Name → (7, 12) float32 in [0, 1]."""
    everywhere = np.random.default_rng(0).uniform(0.3, 1.0, MAP).astype(np.float32)
    y, x = np.mgrid[: MAP[0], : MAP[1]]
    spot = np.exp(-((y - 3) ** 2 + (x - 7) ** 2) / 3).astype(np.float32)
    return {"heat everywhere": everywhere, "heat on a spot": spot}


def measure_overlay(picture: Image, rounds: int, folder: Path, peers: Peers | None) -> list[dict[str, Any]]:
    """Rows of livecam and, if they are there, of the peers. picture: (H, W, 3) uint8 RGB, brought to 1280×720."""
    picture = np.asarray(cv2.resize(picture, SIZE[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    ours = {f"livecam, {name}": _work(picture, cam, name) for name, cam in maps().items()}
    theirs = open_overlays(peers, folder, picture, maps()) if peers else []
    contestants: list[Contestant] = [*ours.values(), *theirs]
    seconds = interleaved(contestants, rounds)
    rows: list[dict[str, Any]] = []
    for name, samples in seconds.items():
        engine, _, spread = name.partition(", ")
        rows.append({"engine": engine, "map": spread, "peer": name not in ours} | summary(samples))
    for row in rows:
        if not row["peer"]:
            row["faster"] = {
                peer["engine"]: round(peer["p50_ms"] / row["p50_ms"], 2)
                for peer in rows
                if peer["peer"] and peer["map"] == row["map"]
            }
    return rows


def _work(picture: Image, cam: Heatmap, name: str) -> Local:
    check_map(cam, name)

    def check(out: Image) -> None:
        if out.shape != picture.shape or out.dtype != np.uint8 or np.array_equal(out, picture):
            raise ModelError(f"overlay, {name}: nothing was drawn; nothing is measured of that")

    return Local(f"livecam, {name}", lambda _number: blend(picture, cam), check)
