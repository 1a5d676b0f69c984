"""Commands for publishing: serve, publish, verify."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.iiif.records import Institution
from operators import settings
from operators.cli.catalog import opened
from operators.cli.console import (
    AsJson,
    Status,
    print_facts,
    print_json,
    print_rows,
    progress_bar,
    stderr_console,
)
from operators.cli.deployment import DEFAULT_HOME, Home

if TYPE_CHECKING:
    from catalog.provenance.verify import Verification

PANEL = "Collections"

PublisherName = Annotated[
    str, typer.Option("--institution", help="Who publishes.", show_default="as configured, else nobody")
]
PublisherPage = Annotated[
    str, typer.Option("--homepage", help="The institution's address on the web; needed with its name.")
]

Masters = Annotated[bool, typer.Option(help="Deliver the master files too, originals included.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=PANEL)(serve)
    app.command(rich_help_panel=PANEL)(publish)
    app.command(rich_help_panel="Single files")(verify)


def serve(  # noqa: PLR0917 - typer makes options of them
    home: Home = DEFAULT_HOME,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen.")] = 8090,
    address: Annotated[str, typer.Option(help="As clients see it; http://HOST:PORT by default.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Processes; one for each core is fastest.")] = 1,
    masters: Masters = False,
    institution: PublisherName = "",
    homepage: PublisherPage = "",
    requests: Annotated[
        bool, typer.Option(help="Take photographs to be colored from clients with a token.")
    ] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="A site whose pages may do so from a browser, such as https://family.example."),
    ] = None,
) -> None:
    """Serve what is published to the public: IIIF images, manifests, search, changes. Read-only.

    With --requests, it also takes photographs on request; `heliochrome worker` works on them.
    """
    from catalog.web.standalone import PublicServer, RequestServer, run  # loads the catalog
    from operators.deployment import services
    from operators.deployment.home import Home as Place

    publisher = _publisher(institution, homepage)
    with services.catalog(home) as dsn:
        seen_at = address or f"http://{host}:{port}"
        taken = None
        if requests:
            secret = Place.at(home).secret_file("requests")
            taken = RequestServer(str(settings.requests(home)), str(secret), tuple(origin or ()))
        public = PublicServer(
            dsn,
            str(settings.store(home)),
            seen_at,
            publisher,
            masters=masters,
            refuse_small_confined=settings.refuse_small_confined(),
            requests=taken,
        )
        stderr_console.print(f"serving {public.address}; Ctrl-C stops it")
        run(public, host=host, port=port, workers=workers, behind_proxy=bool(address))


def publish(  # noqa: PLR0917 - typer makes options of them
    collection: Annotated[str, typer.Argument(help="The collection's slug.")],
    to: Annotated[Path, typer.Option("--to", help="An empty folder, or one with an earlier publication.")],
    address: Annotated[
        str,
        typer.Option(
            default_factory=settings.site_address,
            help="Where clients will see the folder.",
            show_default="as configured, http://127.0.0.1:8000",
        ),
    ],
    masters: Masters = False,
    institution: PublisherName = "",
    homepage: PublisherPage = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Write a collection as a static site that any web server or bucket can hold; only changes are written.

    Status 1 when photographs could not be read: they are left out, or stay as they were.

    [dim]heliochrome publish glass-plates --to site --address https://photos.example.org[/]
    """
    from operators.work.collection_publishing import publish_collection  # loads libvips

    publisher = _publisher(institution, homepage)
    settings.warn_of_loopback(address, "name the site's address with --address.")
    with opened(home) as engine, progress_bar(f"publishing {collection}", as_json) as update:
        to.mkdir(parents=True, exist_ok=True)
        published = publish_collection(
            engine,
            settings.store(home),
            collection,
            to,
            address,
            institution=publisher,
            masters=masters,
            progress=lambda name, done, total: update(done / max(total, 1)),
        )
    if as_json:
        print_json({**published.counts(), "lost": published.lost})
    else:
        print_facts(str(to), published.counts())
        if published.lost:
            print_rows(("lost", "why"), [(one.accession, one.reason) for one in published.lost])
    return Status.NOT_ALL_WELL if published.lost else Status.WELL


def _publisher(name: str, homepage: str) -> Institution | None:
    named = (name, homepage) if name else settings.institution()
    return Institution(*named) if named else None


def verify(
    subject: Annotated[str, typer.Argument(help="A file, or an accession number.")],
    alone: Annotated[bool, typer.Option(help="Check the file alone, without the catalog.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Check files against their own statements and the catalog's: fixity, XMP, content credentials.

    Status 1 when anything differs.
    """
    checked = _verify(subject, home, alone)
    if as_json:
        print_json([{"agrees": one.agrees, **asdict(one)} for one in checked])
    else:
        rows = [
            (one.path.name, finding.check, finding.verdict, finding.detail)
            for one in checked
            for finding in one.findings
        ]
        print_rows(("file", "what", "verdict", "detail"), rows)
    return Status.WELL if all(one.agrees for one in checked) else Status.NOT_ALL_WELL


def _verify(subject: str, home: Path, alone: bool) -> tuple[Verification, ...]:
    from catalog.provenance.cataloged import CatalogRegister  # loads libvips
    from catalog.provenance.verify import verify_file, verify_object
    from catalog.store import Store

    path = Path(subject)
    if alone:
        return (verify_file(path),)
    with opened(home) as engine, engine.connect() as connection:
        register = CatalogRegister(connection, Store(settings.store(home)))
        if path.is_file():
            return (verify_file(path, register=register),)
        return verify_object(subject, register)
