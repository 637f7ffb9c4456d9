"""The page: a small server that shows what a run shows, takes a viewer's wishes, and a browser's camera.

One server has one thread with an event loop of its own. A sink that shows and a source that takes pictures may share
it: ``lend`` gives the one that runs at an address, or starts it. Needs the extra ``web``.
"""
