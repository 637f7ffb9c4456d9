"""Every error that livecam raises on purpose. Each is also a builtin, and says what, where, and the remedy.

LivecamError
├── ConfigError(ValueError)      a flag, a setting or an argument makes no sense
│   └── UnknownName(LookupError) no model, method, source, ... of that name
├── MissingExtra(ImportError)    an optional dependency is not installed
├── SourceError(OSError)         the pictures do not come
│   ├── SourceNotFound(FileNotFoundError)  the source cannot be opened
│   └── SourceLost(ConnectionError)        it was open, and went away
├── SinkError(OSError)           the result cannot be written or shown
└── ModelError(RuntimeError)     the network or its device fails
    ├── WeightsError(OSError)    weights are missing, damaged or do not fit
    └── TargetLayerError(LookupError)  no layer to explain
"""

from __future__ import annotations


class LivecamError(Exception):
    """Base of all errors of livecam. ``exit_code`` is the exit code of the command that ends with it."""

    exit_code = 1

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else type(self).__name__


class ConfigError(LivecamError, ValueError):
    exit_code = 2


class UnknownName(ConfigError, LookupError):
    pass


class MissingExtra(LivecamError, ImportError):
    exit_code = 2


class SourceError(LivecamError, OSError):
    exit_code = 3


class SourceNotFound(SourceError, FileNotFoundError):
    pass


class SourceLost(SourceError, ConnectionError):
    exit_code = 4


class SinkError(LivecamError, OSError):
    exit_code = 5


class ModelError(LivecamError, RuntimeError):
    exit_code = 6


class WeightsError(ModelError, OSError):
    pass


class TargetLayerError(ModelError, LookupError):
    pass


def first_line(error: BaseException) -> str:
    """What an error of somebody else's says, in one line.

    >>> first_line(ValueError("no such layer" + chr(10) + "at ...")), first_line(KeyError())
    ('no such layer', 'KeyError')
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]
