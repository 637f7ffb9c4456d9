"""``python -m livecam``."""

from livecam.cli import program

program()
