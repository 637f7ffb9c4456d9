"""Speed figures, honestly: warmed up, synchronised, interleaved, and proven to be of the right maps.

A section is a file: ``backends``, ``overlay``, ``stages``, ``transcode``. Each gives plain rows for the report.
"""
