"""The command line: a verb is one file of this folder whose name has no leading underscore, with a ``command``."""

from __future__ import annotations

import errno
import importlib
import pkgutil
import reprlib
import sys
from typing import NoReturn

import click

from livecam.cli._console import fail
from livecam.cli._interrupt import INTERRUPTED, leave
from livecam.errors import ConfigError, LivecamError, ModelError
from livecam.masking import masked


class Verbs(click.Group):
    """Finds the verbs in this folder; each is imported when it is called for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{name}").command
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="livecam")
def livecam() -> None:
    """See what a vision model sees, and where it looks, at full frame rate.

    \b
    livecam demo                        annotate the clip that ships with livecam
    livecam annotate clip.mp4           every frame of a recording, sound kept
    livecam live                        the first camera, in a window
    livecam kiosk                       the same for visitors, unattended
    livecam explain photo.jpg           a still
    """


def main() -> NoReturn:
    """Run a command; its errors become one line on stderr and the exit code of the contract."""
    try:
        code = livecam.main(standalone_mode=False)
    except click.exceptions.Abort:
        code = INTERRUPTED
    except click.ClickException as error:
        error.message = masked(error.message)  # type: ignore[misc]  # it is printed as it stands
        error.show()
        code = error.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except LivecamError as error:
        code = fail(error)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # what else there is has been told by who has opened the file
            raise
        code = fail(ConfigError(f"{reprlib.repr(masked(str(error.filename)))}: is too long for a name"))
    except MemoryError:
        code = fail(ModelError("out of memory; use smaller pictures, a smaller --input-size, or fewer at once"))
    sys.exit(code if isinstance(code, int) else 0)


def program() -> NoReturn:
    """``main`` as all that this process is for."""
    try:
        main()
    except SystemExit as end:
        leave(int(end.code or 0))
        raise
