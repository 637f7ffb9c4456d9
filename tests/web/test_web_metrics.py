"""The oracle is Prometheus' own parser."""

from __future__ import annotations

import json
import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from livecam.web.metrics import plain, prometheus


def parsed(state: dict) -> dict[str, float]:
    samples = [one for family in text_string_to_metric_families(prometheus(state)) for one in family.samples]
    assert len({one.name for one in samples}) == len(samples)
    return {one.name: one.value for one in samples}


def test_numbers_of_a_nested_dict() -> None:
    state = {"fps": 29.97, "on": True, "stages": {"decode": {"p50_ms": 1, "p95_ms": 2.5}}, "changes": ["x"], "no": None}
    assert parsed(state) == {
        "livecam_fps": 29.97,
        "livecam_on": 1.0,
        "livecam_stages_decode_p50_ms": 1.0,
        "livecam_stages_decode_p95_ms": 2.5,
    }


@pytest.mark.parametrize("name", ["encoder too slow", "größe", "2x", "", "_a", "a-b", 'a"b', "a\nb", "a{b}"])
def test_any_name_becomes_a_valid_one(name: str) -> None:
    assert list(parsed({name: 1, "after": 2}).values()) == [1.0, 2.0]


def test_two_names_that_come_to_the_same() -> None:
    assert parsed({"a b": 1, "a_b": 2}) == {"livecam_a_b": 1.0}


def test_odd_numbers() -> None:
    values = parsed({"a": math.inf, "b": -math.inf, "c": math.nan, "d": 10**20, "e": 1e-9})
    assert values["livecam_a"] == math.inf
    assert values["livecam_b"] == -math.inf
    assert math.isnan(values["livecam_c"])
    assert (values["livecam_d"], values["livecam_e"]) == (1e20, 1e-9)


def test_texts_are_labels() -> None:
    state = {"model": 'a"b\\c\nd', "source name": "0", "fps": 1}
    families = list(text_string_to_metric_families(prometheus(state)))
    assert families[0].samples[0].labels == {"model": 'a"b\\c\nd', "source_name": "0"}


def test_plain_is_json() -> None:
    state = {"a": math.nan, 1: (1, math.inf), "c": {"d": object}, "e": "ü"}
    assert json.loads(json.dumps(plain(state), allow_nan=False))["a"] is None
