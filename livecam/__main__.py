"""``python -m livecam``."""

from livecam.cli import main

main()
