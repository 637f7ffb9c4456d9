"""One page, in one file, of what sidecars say: ``livecam report``. Everything in them is taken for somebody else's."""

from livecam.report.page import make_report

__all__ = ["make_report"]
