"""Who publishes is named whole or not at all."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from catalog.iiif.records import Institution
from catalog.site.static_site import LostPhotograph, Published
from operators.cli.app import run
from operators.cli.console import Status


@pytest.mark.parametrize(
    "command", [["serve"], ["publish", "ships", "--to", "site", "--address", "http://h"]]
)
def test_an_institution_needs_a_homepage(
    command: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def begins(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("catalog.web.standalone.PublicServer", begins)
    monkeypatch.setattr("operators.work.collection_publishing.publish_collection", begins)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path / "home"))
    assert run([*command, "--institution", "Harbor Museum"]) == Status.USAGE
    assert "Harbor Museum: has no homepage" in " ".join(capfd.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_who_publishes_is_as_configured_unless_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    named = []

    def published(*_: object, institution: Institution | None, **__: object) -> Published:
        named.append(institution)
        return Published(0, 0, 0, 0, created=0, updated=0, deleted=0, disseminated=(), lost=())

    monkeypatch.setattr("operators.work.collection_publishing.publish_collection", published)
    monkeypatch.setattr("operators.cli.publishing.opened", nullcontext)
    command = ["publish", "ships", "--to", str(tmp_path / "site"), "--address", "http://h"]
    run(command)
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__INSTITUTION", "Harbor Museum")
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__INSTITUTION_HOMEPAGE", "https://harbor.example")
    run(command)
    run([*command, "--institution", "Quay", "--homepage", "https://quay.example"])
    assert named == [
        None,
        Institution("Harbor Museum", "https://harbor.example"),
        Institution("Quay", "https://quay.example"),
    ]


def test_serve_and_publish_offer_masters_alike_and_only_when_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offered: list[object] = []

    def ends_here(*_: object, masters: bool, **__: object) -> None:
        offered.append(masters)
        raise KeyboardInterrupt

    monkeypatch.setattr("catalog.web.standalone.PublicServer", ends_here)
    monkeypatch.setattr("operators.work.collection_publishing.publish_collection", ends_here)
    monkeypatch.setattr("operators.deployment.services.catalog", nullcontext)
    monkeypatch.setattr("operators.cli.publishing.opened", nullcontext)
    publish = ["publish", "ships", "--to", str(tmp_path / "site"), "--address", "http://h"]
    for command in (["serve"], publish):
        for switch in ([], ["--masters"]):
            assert run([*command, *switch]) == Status.INTERRUPTED
    assert offered == [False, True] * 2


@pytest.mark.parametrize(("configured", "refuses"), [("", False), ("False", False), ("True", True)])
def test_boxes_larger_than_the_picture_are_refused_where_that_is_configured(
    configured: str, refuses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []

    def ends_here(*_: object, refuse_small_confined: bool, **__: object) -> None:
        told.append(refuse_small_confined)
        raise KeyboardInterrupt

    monkeypatch.setenv("AIRFLOW__HELIOCHROME__REFUSE_SMALL_CONFINED", configured)
    monkeypatch.setattr("catalog.web.standalone.PublicServer", ends_here)
    monkeypatch.setattr("operators.deployment.services.catalog", nullcontext)
    run(["serve"])
    assert told == [refuses]


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    ("lost", "status"), [((), Status.WELL), ((LostPhotograph("1987.1", "is damaged"),), Status.NOT_ALL_WELL)]
)
def test_publishing_names_what_was_lost(
    lost: tuple[LostPhotograph, ...],
    status: Status,
    as_json: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    done = Published(2, 9, 0, 0, created=2, updated=0, deleted=0, disseminated=(), lost=lost)
    monkeypatch.setattr("operators.work.collection_publishing.publish_collection", lambda *_, **__: done)
    monkeypatch.setattr("operators.cli.publishing.opened", nullcontext)
    command = ["publish", "ships", "--to", str(tmp_path / "site"), "--address", "http://h"]
    assert run([*command, "--json"] if as_json else command) == status
    said = capfd.readouterr().out
    assert ("is damaged" in said) == bool(lost)
    if as_json:
        told = json.loads(said)
        assert (told["created"], [one["accession"] for one in told["lost"]]) == (2, ["1987.1"] * len(lost))
