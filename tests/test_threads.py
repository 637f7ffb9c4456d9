import os

import cv2
import pytest

from livecam.backends import open_backend
from livecam.models import ModelSpec
from livecam.threads import beside_an_encoder, cores, opencv_threads


def test_cores_are_those_of_this_process():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores() == 1
        assert beside_an_encoder() == 1  # and not none
    finally:
        os.sched_setaffinity(0, before)
    assert cores() == len(before)


def test_opencv_gets_its_threads_back_after_a_failure():
    before = cv2.getNumThreads()
    with pytest.raises(OSError, match="disk"), opencv_threads(1):
        assert cv2.getNumThreads() == 1
        raise OSError("disk full")
    assert cv2.getNumThreads() == before


@pytest.mark.parametrize("threads", [1, 2])
def test_the_engine_gets_the_threads_that_it_was_given(threads):
    spec = ModelSpec("efficientnet_lite0", None, None, None, None)
    backend = open_backend("openvino", spec, layer=None, device="cpu", precision="float32", threads=threads)
    try:
        compiled = backend._request((64, 64)).get_compiled_model()
        assert compiled.get_property("INFERENCE_NUM_THREADS") == threads
    finally:
        backend.close()
