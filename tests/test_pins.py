"""What is installed for development and CI is pinned: a release of somebody else's changes nothing here overnight."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    pinned = dict(
        re.fullmatch(r"([^=]+)==([^;\s]+).*", line).groups()  # type: ignore[union-attr]
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    versions = {canonicalize_name(name): version for name, version in pinned.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [project["dependencies"], *project["optional-dependencies"].values()]
    applying = [
        asked for group in wanted for asked in map(Requirement, group) if not asked.marker or asked.marker.evaluate()
    ]
    assert len(applying) > 30
    for asked in applying:
        version = versions.get(canonicalize_name(asked.name))
        assert version is not None, f"{asked.name} is not pinned in constraints.txt"
        assert asked.specifier.contains(version, prereleases=True), f"{asked}, pinned to {version}"
