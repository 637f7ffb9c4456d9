"""Weights from the hub that timm and open_clip download from."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

from livecam.errors import WeightsError, first_line

if TYPE_CHECKING:
    import torch


def download(name: str, load: Callable[[], torch.nn.Module], *, cached: bool, remedy: str) -> torch.nn.Module:
    """What ``load`` makes of published weights. name: of the model. cached: are they on this machine?

    Raises WeightsError in one line.
    """
    # The libraries and the hub log the failure once more, with a stack of retries; ours is one line.
    for noisy in ("timm", "huggingface_hub"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    try:
        if not cached:
            _resolve_hub()
        return load()
    except Exception as error:
        reason = first_line(error)
        raise WeightsError(
            f"{name}: its weights could not be downloaded ({reason[:160]}); fetch them where there is a network with "
            f"'livecam models --fetch {name}', or {remedy}"
        ) from error


def _resolve_hub() -> None:
    """Raise OSError at once where the hub has no address: its client would try again for most of a minute."""
    from huggingface_hub import constants

    if not getproxies():
        socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, 443)
