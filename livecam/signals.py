"""What a signal has to wait for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_patient = False


@contextmanager
def patient() -> Iterator[None]:
    """Files are open: a second signal does not tear them out of the middle of being finalised, for as long as that may
    take. Who enters this looks all the time whether a first one came. Of the process, as signals are."""
    global _patient
    before, _patient = _patient, True
    try:
        yield
    finally:
        _patient = before


def is_patient() -> bool:
    """Does a signal have to wait?"""
    return _patient
