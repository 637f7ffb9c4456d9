"""The command that makes a recording again."""

from __future__ import annotations

import shlex
from typing import Any

from livecam.config import Settings
from livecam.masking import masked
from livecam.report.recording import Recording

SWITCHES = {name: field.default for name, field in Settings.model_fields.items() if isinstance(field.default, bool)}
OFTEN_NONE = {"smooth": "off"}


def command(run: Recording) -> tuple[str, bool]:
    """A line for a shell, and whether it holds all settings: an older sidecar names the model and the method alone."""
    live = "state" in run.more
    words = ["livecam", "live" if live else "annotate", masked(run.header["source"])]
    for name, setting in (("model", "model"), ("method", "method"), ("target_layer", "layer")):
        if run.header[name] and setting not in _given(run):
            words += [f"--{setting}", run.header[name]]
    return shlex.join([*words, *_flags(_given(run))]), "settings" in run.more or run.complete


def _given(run: Recording) -> dict[str, Any]:
    return {name: value for name, value in run.settings.items() if _is_setting(name)}


def _is_setting(name: str) -> bool:
    return name in Settings.model_fields or f"{name}_" in Settings.model_fields


def _flags(given: dict[str, Any]) -> list[str]:
    words: list[str] = []
    for name, value in given.items():
        flag = name.replace("_", "-")
        if name in SWITCHES or name == "reconnect":
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            for one in value if name in ("like", "like_text") else [value]:
                words += [f"--{flag}", _text(name, one)]
    return words


def _text(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ("x" if name == "size" else ",").join(str(one) for one in value)
    return OFTEN_NONE[name] if name in OFTEN_NONE and not value else str(value)
