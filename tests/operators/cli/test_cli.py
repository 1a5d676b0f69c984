"""Commands say what they did in words and in JSON, and their status can be relied on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from sqlalchemy import Engine

from catalog import collections, kinds, objects, scans
from catalog.objects import ObjectRecord
from catalog.provenance.verify import Verdict
from colorization.chroma import Decoding
from colorization.models import DEFAULT
from colorization.network import ColorNetwork
from colorization.training.export import export
from colorization.training.targets import Palette
from operators.cli.app import run
from operators.cli.console import Status
from tests.catalog.records import scan_record
from tests.operators.conftest import Photographer

Said = Callable[..., tuple[int, str]]
COMMANDS = [
    *("up", "demo", "restore", "undo-tones", "colorize", "inspect"),
    *("catalog", "models", "serve", "publish", "verify", "token", "worker", "mcp"),
]


@pytest.fixture
def heliochrome(capfd: pytest.CaptureFixture[str]) -> Said:
    def call(*arguments: object) -> tuple[int, str]:
        status = run([str(argument) for argument in arguments])
        return status, capfd.readouterr().out

    return call


@pytest.fixture
def own_catalog(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HELIOCHROME_CATALOG_DSN", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path / "home"))


def test_help_teaches_every_command(heliochrome: Said) -> None:
    status, text = heliochrome("--help")
    assert status == Status.WELL
    for command in COMMANDS:
        assert command in text
        assert heliochrome(command, "--help")[0] == Status.WELL


@pytest.mark.parametrize(
    "wrong", [("--nonsense",), ("inspect",), ("inspect", "no-such-file.tif"), ("nonsense",)]
)
def test_wrong_usage_is_status_2(heliochrome: Said, wrong: tuple[str, ...]) -> None:
    assert heliochrome(*wrong)[0] == Status.USAGE


@pytest.mark.parametrize("device", ["gpu", "meta", "cuda:99"])
@pytest.mark.parametrize("command", ["restore", "colorize"])
def test_a_device_that_is_not_there_is_wrong_usage(
    command: str, device: str, photograph: Photographer, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run([command, str(photograph("a.tif")), "--device", device]) == Status.USAGE
    assert device in capfd.readouterr().err


def test_wrong_usage_names_the_option(
    photograph: Photographer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["restore", str(photograph("a.tif")), "--sensitivity", "2"]) == Status.USAGE
    assert "--sensitivity" in capfd.readouterr().err


def test_inspect_answers_scripts(heliochrome: Said, photograph: Photographer) -> None:
    status, text = heliochrome("inspect", photograph("a.tif", "I;16"), "--json")
    facts = json.loads(text)
    assert (status, facts["width"], facts["height"], facts["bits"]) == (Status.WELL, 96, 64, 16)


def test_a_name_that_is_no_text_is_shown(photograph: Photographer) -> None:
    scan = photograph("a.tif")
    odd = scan.rename(scan.with_name(os.fsdecode(b"caf\xe9.tif")))
    command = [sys.executable, "-m", "operators.cli", "inspect", os.fsencode(odd)]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    for how in ([], ["--json"]):
        done = subprocess.run([*command, *how], capture_output=True, env=environment, check=False)
        assert (done.returncode, b"xe9.tif" in done.stdout or b"dce9.tif" in done.stdout) == (0, True)


def test_refused_scan_is_status_3_with_reason_and_remedy(heliochrome: Said, inbox: Path) -> None:
    (inbox / "letter.tif").write_text("Dear Sir")
    status, text = heliochrome("inspect", inbox / "letter.tif", "--json")
    told = json.loads(text)
    assert (status, told["error"]) == (Status.REFUSED, "UnsupportedScan")
    assert told["fault"] and told["remedy"]


def test_a_page_of_an_album_is_restored_and_the_first_is_said_to_be_one_of_several(
    heliochrome: Said, photograph: Photographer, capfd: pytest.CaptureFixture[str]
) -> None:
    album = photograph("album.tif")
    first, second = (Image.new("L", (96, 64), value) for value in (90, 160))
    first.save(album, save_all=True, append_images=[second])
    status, text = heliochrome("restore", album, "--page", "1", "--device", "cpu", "--json")
    files = {role: Path(path) for role, path in json.loads(text)["files"].items()}
    assert status == Status.WELL
    assert files["restored"].parent == album.with_name("album-page1-restored")
    with Image.open(files["restored"]) as restored:
        assert restored.getextrema() == (160, 160)
    assert run(["restore", str(album), "--device", "cpu"]) == Status.WELL
    assert "album.tif has 2 pages" in "".join(capfd.readouterr())
    assert heliochrome("restore", album, "--page", "2", "--json")[0] == Status.REFUSED


def test_another_scan_does_not_replace_what_is_there(
    heliochrome: Said, photograph: Photographer, tmp_path: Path
) -> None:
    first, second, into = photograph("a.tif"), photograph("b.tif", seed=2), tmp_path / "out"
    options = ("--into", into, "--device", "cpu", "--no-mend", "--denoise", "0")
    assert heliochrome("restore", first, *options)[0] == Status.WELL
    before = (into / "restored.tif").read_bytes()
    assert heliochrome("restore", second, *options)[0] == Status.USAGE
    assert (into / "restored.tif").read_bytes() == before
    assert heliochrome("restore", first, *options, "--levels")[0] == Status.WELL
    assert (into / "restored.tif").read_bytes() != before
    assert sorted(p.name for p in into.iterdir()) == ["damage-mask.tif", "restoration.json", "restored.tif"]


def test_restore_writes_beside_the_scan(heliochrome: Said, photograph: Photographer) -> None:
    scan = photograph("a.tif")
    status, text = heliochrome("restore", scan, "--denoise", "0", "--device", "cpu", "--json")
    files = json.loads(text)["files"]
    assert status == Status.WELL
    assert {Path(path).parent for path in files.values()} == {scan.with_name("a-restored")}
    status, text = heliochrome("verify", files["restored"], "--alone", "--json")
    assert status == Status.WELL
    assert not any(f["verdict"] == Verdict.DIFFERS for one in json.loads(text) for f in one["findings"])


def test_tones_are_undone_from_the_record(
    heliochrome: Said, photograph: Photographer, tmp_path: Path
) -> None:
    scan, to = photograph("a.tif"), tmp_path / "as-scanned.tif"
    options = ("--levels", "--denoise", "0", "--no-mend", "--device", "cpu", "--json")
    record = json.loads(heliochrome("restore", scan, *options)[1])["files"]["record"]
    status, text = heliochrome("undo-tones", record, "--to", to, "--json")
    assert status == Status.WELL
    assert json.loads(text)["name"] == "as-scanned.tif"
    with Image.open(scan) as before, Image.open(to) as after:
        difference = np.abs(np.asarray(before, int) - np.asarray(after, int))
    assert np.quantile(difference, 0.99) <= 1
    assert heliochrome("undo-tones", scan, "--to", to)[0] == Status.USAGE


def test_unusable_hint_is_wrong_usage(heliochrome: Said, photograph: Photographer) -> None:
    assert heliochrome("colorize", photograph("a.tif"), "--hint", "blue")[0] == Status.USAGE


def test_models_are_listed_with_their_digests(heliochrome: Said) -> None:
    status, text = heliochrome("models", "list", "--json")
    assert status == Status.WELL
    assert all(len(model["sha256"]) == 64 for model in json.loads(text))


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    """The descriptor of a small color model with random weights."""
    axis = torch.arange(-40.0, 41.0, 20.0)
    bins = torch.cartesian_prod(axis, axis)
    palette = Palette(bins, torch.full((len(bins),), 1 / len(bins)))
    network = ColorNetwork(bins, width=24)
    export(network, palette, tmp_path, version="1", decoding=Decoding(), name="tiny")
    return tmp_path / "tiny-1.json"


def test_shipped_models_of_every_stage_are_verified(heliochrome: Said) -> None:
    shipped = json.loads(heliochrome("models", "list", "--json")[1])
    assert {row["stage"] for row in shipped} == {"colorization", "restoration"}
    for row in shipped:
        checked = json.loads(heliochrome("models", "verify", row["name"], "--json")[1])
        assert checked["sha256"] == row["sha256"]


def test_an_added_model_is_found_by_every_command(
    heliochrome: Said,
    tiny_model: Path,
    photograph: Photographer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__MODELS", str(tmp_path / "own"))
    digest = json.loads(heliochrome("models", "add", tiny_model, "--json")[1])["sha256"]
    assert {path.parent for path in tmp_path.rglob(f"*{digest[:12]}*")} == {tmp_path / "own"}
    assert json.loads(heliochrome("models", "verify", "tiny", "--json")[1])["sha256"] == digest
    assert json.loads(heliochrome("models", "show", "tiny", "--json")[1])["sha256"] == digest
    assert "tiny" in heliochrome("models", "list")[1]
    told = heliochrome("colorize", photograph("a.tif"), "--model", "tiny", "--device", "cpu", "--json")[1]
    assert [model["sha256"] for model in json.loads(told)["result"]["models"]] == [digest]


def test_a_broken_descriptor_is_named_beside_the_models_that_work(
    heliochrome: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HELIOCHROME_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "broken.json").write_text("{}")
    status, text = heliochrome("models", "list", "--json")
    assert status == Status.NOT_ALL_WELL
    assert DEFAULT in {model["name"] for model in json.loads(text)}


@pytest.mark.usefixtures("own_catalog")
def test_catalog_takes_and_gives_spreadsheets(heliochrome: Said, tmp_path: Path) -> None:
    sheet = tmp_path / "objects.csv"
    sheet.write_text("accession_number,title,collections\n1987.12,Harbor,ships\n1987.13,Quay,ships\n")
    status, text = heliochrome("catalog", "import", sheet, "--json")
    assert (status, json.loads(text)["inserted"]) == (Status.WELL, 2)
    assert json.loads(heliochrome("catalog", "import", sheet, "--json")[1])["unchanged"] == 2
    listed = json.loads(heliochrome("catalog", "list", "--collection", "ships", "--json")[1])
    assert [item["title"] for item in listed] == ["Harbor", "Quay"]
    assert "1987.13" in heliochrome("catalog", "export")[1]
    exported = heliochrome("catalog", "export", "--linked-art", "--collection", "ships")[1]
    assert [document["_label"] for document in json.loads(exported)] == ["Harbor", "Quay"]
    (tmp_path / "objects.json").write_text(exported.replace("Quay", "Quays"))
    told = heliochrome("catalog", "import", tmp_path / "objects.json", "--linked-art", "--json")[1]
    assert (json.loads(told)["updated"], json.loads(told)["unchanged"]) == (1, 1)
    (tmp_path / "objects.json").write_text(exported)
    assert heliochrome("catalog", "import", tmp_path / "objects.json", "--linked-art")[0] == Status.WELL
    assert json.loads(heliochrome("catalog", "show", "1987.12", "--json")[1])["scans"] == []
    assert heliochrome("catalog", "show", "none")[0] == Status.FAILED
    assert heliochrome("catalog", "export", sheet, "--collection", "shops")[0] == Status.FAILED
    assert sheet.read_text().endswith("1987.13,Quay,ships\n"), "a file is replaced only by a whole one"
    assert heliochrome("catalog", "troubles", "--json") == (Status.WELL, "[]\n")


@pytest.mark.usefixtures("own_catalog")
def test_a_sheet_in_another_encoding_is_read_once_that_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "objects.csv"
    sheet.write_bytes("accession_number;title;date\nA3;Villa Böhm;1911-12\n".encode("cp1252"))
    assert run(["catalog", "import", str(sheet)]) == Status.NOT_ALL_WELL
    said = " ".join(capfd.readouterr().err.split())
    assert "line 2, title: is not in UTF-8" in said and "as cp1252 it reads 'Villa Böhm'" in said
    assert run(["catalog", "import", str(sheet), "--encoding", "cp1252"]) == Status.WELL
    assert "remark on line 2, date: '1911-12' is read as December 1911" in capfd.readouterr().err
    assert run(["catalog", "import", str(sheet), "--encoding", "klingon"]) == Status.USAGE


def test_names_are_tried_out_with_a_pattern(
    heliochrome: Said, photograph: Photographer, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photograph("box/1987.12_v.tif")
    (inbox / "notes.txt").touch()
    pattern = "(?P<number>[^_]+)_((?P<recto>r)|(?P<verso>v))"
    expected = [
        {
            "file": "box/1987.12_v.tif",
            "accession_number": "1987.12",
            "page": "",
            "side": "verso",
            "remark": "",
        }
    ]
    status, text = heliochrome("catalog", "names", inbox, "--pattern", pattern, "--json")
    assert (status, json.loads(text)) == (Status.WELL, expected)
    assert "1987.12_v" in heliochrome("catalog", "names", inbox)[1]
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__NAME_PATTERN", pattern)
    assert json.loads(heliochrome("catalog", "names", inbox, "--json")[1]) == expected
    photograph("IMG_0001.tif")
    status, text = heliochrome("catalog", "names", inbox)
    assert status == Status.NOT_ALL_WELL and "does not match the" in text
    assert heliochrome("catalog", "names", inbox, "--pattern", "(.*)")[0] == Status.USAGE


@pytest.mark.usefixtures("own_catalog")
def test_faulty_rows_are_status_1_and_nothing_is_written(heliochrome: Said, tmp_path: Path) -> None:
    sheet = tmp_path / "objects.csv"
    sheet.write_text("accession_number,rights\n1,http://example.org/mine\n2,\n")
    status, text = heliochrome("catalog", "import", sheet, "--json")
    assert (status, json.loads(text)["written"]) == (Status.NOT_ALL_WELL, False)
    assert json.loads(heliochrome("catalog", "list", "--json")[1]) == []


@pytest.mark.usefixtures("own_catalog")
def test_a_site_needs_no_address_but_the_configured_one(
    heliochrome: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__SITE_ADDRESS", "https://photos.example.org/")
    sheet = tmp_path / "objects.csv"
    sheet.write_text("accession_number,collections\n1987.12,ships\n")
    assert heliochrome("catalog", "import", sheet)[0] == Status.WELL
    assert heliochrome("publish", "ships", "--to", tmp_path / "site", "--json")[0] == Status.WELL
    written = "".join(path.read_text() for path in (tmp_path / "site").rglob("*.json"))
    assert "https://photos.example.org/iiif" in written


@pytest.mark.usefixtures("own_catalog")
@pytest.mark.parametrize(
    ("command", "user"),
    [
        (("serve",), "catalog.web.standalone.PublicServer"),
        (("publish", "ships", "--to", "site"), "operators.work.collection_publishing.publish_collection"),
        (("verify", "1987.12"), "catalog.store.Store"),
    ],
)
@pytest.mark.parametrize(("configured", "expected"), [("", "elsewhere/store"), ("shelves", "shelves")])
def test_the_store_is_the_configured_one_for_every_command(
    heliochrome: Said,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: tuple[str, ...],
    user: str,
    configured: str,
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW__HELIOCHROME__STORE", configured)

    given: list[str] = []

    def ends_here(*arguments: object, **_: object) -> None:
        given.extend(str(argument) for argument in arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(user, ends_here)
    assert heliochrome(*command, "--home", "elsewhere")[0] == Status.INTERRUPTED
    assert str(tmp_path / expected) in given


def test_inspect_refuses_what_restore_would_refuse(inbox: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its header is sound: only who reads all of it sees that the lower half is lost."""
    noise = np.random.default_rng(0).integers(0, 256, (128, 128), np.uint8)
    Image.fromarray(noise).save(inbox / "cut.jpg", quality=90)
    content = (inbox / "cut.jpg").read_bytes()
    (inbox / "cut.jpg").write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    refusals = []
    for command in (["inspect"], ["restore", "--into", str(inbox / "out")]):
        status = run([command[0], str(inbox / "cut.jpg"), *command[1:]])
        refusals.append((status, " ".join(capfd.readouterr().err.split())))
    assert refusals[0] == refusals[1]
    assert refusals[0][0] != Status.WELL
    assert "part of its picture is lost" in refusals[0][1]


def test_inspect_says_what_it_seems_to_be(heliochrome: Said, inbox: Path) -> None:
    Image.fromarray(data.coffee()).save(inbox / "coffee.tif")
    told = json.loads(heliochrome("inspect", inbox / "coffee.tif", "--json")[1])["kind"]
    assert told["kind"] == "color"
    assert told["evidence"]["residual"] > 3
    assert "color" in heliochrome("inspect", inbox / "coffee.tif")[1]


def test_color_photographs_are_colorized_only_when_said_to_be_none(
    inbox: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(data.coffee()).save(inbox / "coffee.tif")
    assert run(["colorize", str(inbox / "coffee.tif")]) == Status.REFUSED
    told = " ".join(capfd.readouterr().err.split())
    assert "taken for a color photograph" in told
    assert "--kind monochrome" in told
    assert not (inbox / "coffee-colorized").exists()
    command = ["colorize", str(inbox / "coffee.tif"), "--kind", "monochrome", "--device", "cpu"]
    assert run(command) == Status.WELL
    assert (inbox / "coffee-colorized" / "colorized.tif").exists()


@pytest.mark.usefixtures("own_catalog")
def test_kinds_are_shown_and_said(heliochrome: Said, engine: Engine) -> None:
    with engine.begin() as connection:
        number = objects.ensure(connection, ObjectRecord(accession_number="1987.1")).id
        scan = scans.register(connection, scan_record(object_id=number)).scan.id
    assert heliochrome("catalog", "kind", "1987.1")[0] == Status.WELL
    said = heliochrome("catalog", "kind", "1987.1", "--is", "toned", "--by", "A. Rchivist", "--json")[1]
    assert [(entry["said"], entry["said_by"]) for entry in json.loads(said)] == [("toned", "A. Rchivist")]
    with engine.begin() as connection:
        collections.ensure(connection, "sacred")
        collections.add(connection, "sacred", [number])
    assert heliochrome("catalog", "do-not-color", "sacred")[0] == Status.WELL
    with engine.connect() as connection:
        assert kinds.treatment(connection, scan).forbidden_by == "The collection sacred"
    assert heliochrome("catalog", "do-not-color", "sacred", "--allow")[0] == Status.WELL
    with engine.connect() as connection:
        assert kinds.treatment(connection, scan).colorized
