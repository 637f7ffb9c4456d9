"""Heat and words over a picture: colour tables, blending, the HUD. Pure functions on RGB arrays or on planes."""

from livecam.overlay.blend import DEFAULT_ALPHA, DEFAULT_MODE, blend, working_size
from livecam.overlay.blend_planes import blend_planes
from livecam.overlay.colormap import COLORMAPS, DEFAULT_COLORMAP, table
from livecam.overlay.hud import Hud, draw_hud
from livecam.overlay.painter import Painter, Style
from livecam.overlay.tint import MODES

__all__ = [
    "COLORMAPS",
    "DEFAULT_ALPHA",
    "DEFAULT_COLORMAP",
    "DEFAULT_MODE",
    "MODES",
    "Hud",
    "Painter",
    "Style",
    "blend",
    "blend_planes",
    "draw_hud",
    "table",
    "working_size",
]
