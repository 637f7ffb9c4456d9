"""Settings: typed, resolved once at the door. Defaults < file < environment < flags."""

from __future__ import annotations

import math
import re
import reprlib
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from livecam.errors import ConfigError, first_line

PREFIX = "LIVECAM_"
SMOOTH_S = 0.35
LARGEST = 1 << 20  # bytes of a file


def _seconds(value: Any) -> Any:
    """``90``, ``1:30``, ``0:01:30.5`` → seconds."""
    if isinstance(value, str) and ":" in value:
        total = 0.0
        for part in value.split(":"):
            total = total * 60 + float(part)
        return total
    return value


def _smooth(value: Any) -> Any:
    return 0.0 if value == "off" else value


def _quality(value: Any) -> Any:
    return None if value == "auto" else value


def _colour(value: Any) -> Any:
    """``R,G,B`` or one number for all three."""
    parts = value.split(",") if isinstance(value, str) else [value] if isinstance(value, int | float) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str | int | float) for part in parts):
        raise ValueError("give three numbers R,G,B in [0, 1], or one for all")
    parts = list(parts)
    numbers = [float(part) for part in (parts * 3 if len(parts) == 1 else parts)]
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise ValueError("give three numbers R,G,B in [0, 1], or one for all")
    return numbers


def _numbers(value: Any) -> Any:
    """``1,1.4,2``."""
    if isinstance(value, str):
        return [float(number) for number in value.split(",")]
    return [value] if isinstance(value, int | float) else value


def _size(value: Any) -> Any:
    """``1280x720`` → (width, height)."""
    if not isinstance(value, str):
        return value
    width, cross, height = value.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise ValueError("give WIDTHxHEIGHT, for example 1280x720")
    return int(width), int(height)


def _period(value: Any) -> Any:
    """``90``, ``1:30``, ``90s``, ``10m``, ``2h`` → seconds."""
    units = {"s": 1, "m": 60, "h": 3600}
    if isinstance(value, str) and value[-1:] in units:
        return float(value[:-1]) * units[value[-1]]
    return _seconds(value)


def _bytes(value: Any) -> Any:
    """``500M``, ``20GB``, ``1.5T`` → bytes; powers of 1000, as disks are sold."""
    units = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", value.strip().upper(), re.ASCII)
    if found is None:
        raise ValueError("give bytes, for example 500M or 20G")
    return round(Fraction(found[1]) * units[found[2]])


def _several(value: Any) -> Any:
    """One, or a list."""
    return (value,) if isinstance(value, str) else value


def _place(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, allow_inf_nan=False)]
Colour = Annotated[tuple[float, float, float], BeforeValidator(_colour)]
Positive = Annotated[float, Field(gt=0)]
Place = Annotated[str, BeforeValidator(_place)]
"""A path or an address."""


class Kiosk(BaseModel):
    """The table ``[kiosk]`` of a file: what a kiosk shows.

    source, output: where pictures come from and go to, unless the command says so. notice, invitation, back_soon: lines
    on the picture, always; on the clip; and while the show does not run. clip: played while nobody is there, None: the
    one that ships with livecam; idle_after: seconds without motion until then, 0: never. dim_after: seconds without
    motion until the screen is dimmed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(coerce_numbers_to_str=True)] = "0"
    output: str = "display"
    notice: tuple[str, ...] = (
        "Pictures are analysed on this device and not stored",
        "画面仅在本机分析，不会存储",
    )
    invitation: tuple[str, ...] = ("Recorded example – step in front of the camera", "录制的示例 · 请走到镜头前")
    back_soon: tuple[str, ...] = ("Back soon", "马上回来")
    clip: Path | None = None
    idle_after: Seconds = 60.0
    dim_after: Seconds = 600.0


class Settings(BaseSettings):
    """Everything that can be set, under the name of its flag (``--input-size`` is ``input_size`` in a file and
    ``LIVECAM_INPUT_SIZE`` in the environment). Unknown names are errors."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_parse_none_str="none")

    model: str = "efficientnet_lite0"
    weights: Path | None = None
    labels: Path | None = None
    like: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    like_text: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    mean: Colour | None = None
    std: Annotated[tuple[Positive, Positive, Positive], BeforeValidator(_colour)] | None = None
    method: str = "gradcam"
    budget: Annotated[int | None, Field(ge=1)] = None
    layer: str | None = None
    backend: str = "auto"
    device: str = "auto"
    precision: Literal["auto", "fast", "float32", "float16", "bfloat16"] = "auto"
    threads: Annotated[int | None, Field(ge=1, le=1024)] = None
    input: Literal["fit", "squash", "crop"] = "fit"
    input_size: Annotated[int | None, Field(ge=32, le=2048)] = None
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    detail: Literal["plain", "live", "best"] | None = None
    scales: Annotated[tuple[float, ...] | None, BeforeValidator(_numbers)] = None
    scale_weights: Annotated[tuple[Positive, ...] | None, BeforeValidator(_numbers)] = None
    fuse: Literal["mean", "max", "product"] | None = None
    upsample: Literal["bilinear", "cubic", "guided"] | None = None
    relu: Literal["on", "leaky", "off"] = "on"
    normalise: Literal["peak", "percentile", "minmax", "logit"] = "peak"
    class_: Annotated[
        str | None, Field(validation_alias=AliasChoices("class", "livecam_class"), coerce_numbers_to_str=True)
    ] = None
    top_k: Annotated[int, Field(ge=1, le=20)] = 5

    smooth: Annotated[float, BeforeValidator(_smooth), Field(ge=0, le=60)] = SMOOTH_S
    quality: Annotated[Annotated[int, Field(ge=0, le=3)] | None, BeforeValidator(_quality)] = None
    colormap: str | None = None
    alpha: Annotated[float | None, Field(gt=0, le=1)] = None
    blend: Literal["alpha", "additive"] = "alpha"
    hud: bool = True

    codec: str = "h264"
    crf: Annotated[int | None, Field(ge=0, le=63)] = None
    preset: str | None = None
    audio: bool = True
    sidecar: bool = True
    subtitles: bool = False
    heatmap_video: Place | None = None
    maps: Place | None = None

    segment: Annotated[Annotated[float, Field(ge=1, allow_inf_nan=False)] | None, BeforeValidator(_period)] = None
    quota: Annotated[Annotated[int, Field(ge=1_000_000)] | None, BeforeValidator(_bytes)] = None
    keep_free: Annotated[int, BeforeValidator(_bytes), Field(ge=0)] = 0

    max_frames: Annotated[int | None, Field(ge=1)] = None
    start: Seconds | None = None
    duration: Annotated[Seconds, Field(gt=0)] | None = None
    sync: bool = False
    check: bool = True
    target_fps: Annotated[float | None, Field(gt=0, le=1000)] = None
    size: Annotated[tuple[int, int], BeforeValidator(_size)] | None = None
    fps: Annotated[float | None, Field(gt=0, le=1000)] = None
    reconnect: bool | None = None
    retry_delay: Annotated[Seconds, Field(gt=0)] = 1.0
    stall_timeout: Annotated[Seconds, Field(gt=0)] = 5.0

    kiosk: Kiosk = Kiosk()

    def given(self) -> dict[str, Any]:
        """What is not as it would be by itself, by its name in a file, as JSON goes; without places to write to."""
        places = {"heatmap_video", "maps", "kiosk"}
        values = self.model_dump(mode="json", exclude_defaults=True, exclude=places)
        return {name.removesuffix("_"): value for name, value in values.items()}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """First wins: flags, environment, file."""
        assert isinstance(init_settings, InitSettingsSource)
        flags = dict(init_settings.init_kwargs)
        file = flags.pop("config_file", None)
        sources: list[PydanticBaseSettingsSource] = [
            InitSettingsSource(settings_cls, init_kwargs=flags),
            _Environment(settings_cls),
        ]
        if file is not None:
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=file))
        return tuple(sources)


class _Environment(EnvSettingsSource):
    """Only what has our prefix, and values as they stand: ``0.5,0.5,0.5`` is not JSON."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        # ``class_`` has an alias, and an alias is looked for without the prefix.
        self.env_vars = {key: value for key, value in self.env_vars.items() if key.startswith(PREFIX.lower())}

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        return value


def resolve(flags: dict[str, Any], file: Path | None = None) -> Settings:
    """The settings of one command. flags: those that were given, by setting name. Raises ConfigError in one line."""
    if file is not None and not file.is_file():
        raise ConfigError(f"--config {file}: no such file")
    if file is not None and file.stat().st_size > LARGEST:
        raise ConfigError(f"--config {file}: larger than {LARGEST >> 20} MiB is no list of settings")
    try:
        given: dict[str, Any] = flags | ({"config_file": file} if file else {})
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][: 2 if first["loc"][:1] == ("kiosk",) else 1])
        where = "--" + name.replace("_", "-") if name in flags else f"setting {name!r}"
        if first["type"] == "extra_forbidden":
            where += f" in {file}" if file else ""
            raise ConfigError(f"{where}: no such setting; see 'livecam annotate --help'") from error
        message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        raise ConfigError(f"{where}: {message[:200]}, not {reprlib.repr(first['input'])}") from error
    except OSError as error:
        raise ConfigError(f"--config {file}: {error.strerror}") from error
    except ValueError as error:  # a damaged TOML file
        raise ConfigError(f"--config {file}: {first_line(error)[:200]}") from error
    except RecursionError as error:
        raise ConfigError(f"--config {file}: is nested too deeply for settings") from error
