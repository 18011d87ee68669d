"""Settings laid over settings."""

from __future__ import annotations

from typing import Any

import pytest

from seglens.bench.settings import merged


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    [
        ({"rounds": 3}, {"rounds": 5}, {"rounds": 5}),
        ({"train": {"steps": 9, "batch": 4}}, {"train": {"steps": None, "epochs": 2}}, None),
        ({"pick": "top"}, {"pick": {"k": 3}}, {"pick": {"name": "top", "k": 3}}),
        ({"cut": {"name": "grid", "size": 3}}, {"cut": "image"}, {"cut": "image"}),
        ({"cut": {"name": "grid", "size": 3}}, {"cut": {"name": "image"}}, {"cut": {"name": "image"}}),
        ({"cut": {"name": "grid", "size": 3}}, {"cut": {"name": "grid", "x": 1}}, None),
        ({"model": {"name": "fpn", "width": 8}}, {"model": {"name": "unet"}}, {"model": {"name": "unet", "width": 8}}),
        ({"narrow": [{"name": "a"}]}, {"narrow": []}, {"narrow": []}),
        ({"score": {"name": "eem", "cam": {"layer": "a", "gate": 1}}}, {"score": {"cam": {"gate": 2}}}, None),
    ],
)
def test_merging(base: dict[str, Any], changes: dict[str, Any], expected: dict[str, Any] | None) -> None:
    before = repr(base)
    found = merged(base, changes)
    assert repr(base) == before
    if expected is not None:
        assert found == expected
        return
    (key,) = base
    flat = {**base[key], **changes[key]}
    if "cam" in flat:
        flat["cam"] = {"layer": "a", "gate": 2}
    assert found == {key: flat}
