"""The tools, resources and prompts that `operators.mcp_server` offers.

Each tool asks who calls, hands over or looks up a photograph at the `RequestDesk`, waits for it while telling
progress, and answers with words, a preview and a link.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, TypeVar
from uuid import UUID

from anyio import from_thread, to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp_types import ContentBlock, ImageContent, ResourceLink, TextContent, ToolAnnotations
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog.iiif.presentation import hint_chroma
from catalog.request_files import DOUBT, PREVIEW, ResultFile
from catalog.request_options import MOST_ALTERNATIVES, MOST_HINTS, HintOption, Keep, RequestOptions
from catalog.requests import UNFINISHED, Request, TooManyRequests
from catalog.schema import RequestState
from catalog.tokens import ApiToken
from catalog.vocabulary import COLOR_NOTICE, RESTORATION_NOTICE
from imaging.errors import CatalogError, HeliochromeError, OptionsError, ScanTooLarge
from operators.work.color_words import color_of, place_of
from operators.work.request_desk import RequestDesk

MOST_SECONDS = 240.0
"""For so long a call waits for a photograph; after that it says how to ask again."""
MOST_LINKED = 8 * 2**20
"""Bytes; larger files are fetched by HTTP, not as resources of this protocol."""
MOST_DATA = 3 * 2**20
"""Bytes of a photograph that comes with a question; the SDK takes bodies of 4 MiB, base64 included."""
MOST_FOUND = 50
SHOWN_SIDE, SHOWN_QUALITY = 640, 82
"""Longer side, px, and JPEG quality of views: several fit into the 1 MiB that clients take at once."""

LinkTo = Callable[[Request, str], str]
"""Returns the address of a request's file, by the file's name."""
T = TypeVar("T")

Photograph = Annotated[
    str,
    Field(
        description="The id of a photograph that was handed over before (by HTTP, POST /requests, or by an "
        "earlier tool); or data:image/jpeg;base64,… of at most 3 MiB; or, where the server runs on the "
        "client's own machine, a file's path in the folder that is open to it."
    ),
]
Known = Annotated[str, Field(description="The id of a photograph that was handed over before.")]
Kind = Annotated[
    str, Field(description="What it is, where it was taken for another thing: monochrome, toned, …")
]
FileUnder = Annotated[
    str, Field(description="Accession number to file it under in the museum's catalog, for review.")
]


class HintInWords(BaseModel):
    """A color that somebody knows, where it is, and how it is known."""

    model_config = ConfigDict(extra="forbid")

    place: str = Field(
        description="x, y as shares of the picture's width and height from its upper left corner, such as "
        "0.4, 0.6; or roughly: upper left, center, lower right, …"
    )
    color: str = Field(description="#rrggbb, a name of CSS, or such as Prussian blue, ochre, khaki drab.")
    source: str = Field(min_length=1, max_length=500, description="Who or what says so: letter of 1912.")
    radius: float = Field(default=0.02, gt=0, le=0.5, description="Of the spot; share of the longer side.")

    def option(self) -> HintOption:
        """Return the hint in figures."""
        (x, y), (a, b) = place_of(self.place), hint_chroma(color_of(self.color))
        return HintOption(x=x, y=y, radius=self.radius, a=a, b=b, source=self.source)


class Tools:
    """The tools for the clients of one server.

    Parameters
    ----------
    desk
        Where photographs are handed over.
    secret
        The one client's token; `None` to take each call's from its HTTP headers.
    link_to
        Returns addresses of files.
    """

    def __init__(self, desk: RequestDesk, secret: str | None, link_to: LinkTo) -> None:
        self.desk, self.secret, self.link_to = desk, secret, link_to

    def add_to(self, server: MCPServer[Any]) -> None:
        """Add all tools, prompts and the resource of files."""
        works = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
        looks = ToolAnnotations(read_only_hint=True, open_world_hint=False)
        working: tuple[Callable[..., Any], ...] = (self.restore, self.colorize, self.alternatives)
        looking: tuple[Callable[..., Any], ...] = (
            self.describe_doubt,
            self.search_catalog,
            self.get_provenance,
            self.publish_status,
        )
        for kind, tools in ((works, working), (looks, looking)):
            for tool in tools:
                server.tool(annotations=kind, structured_output=False)(tool)
        server.resource(
            "heliochrome://requests/{number}/files/{name}",
            name="file",
            description="A file of a photograph that was handed over, up to 8 MiB.",
            mime_type="application/octet-stream",
        )(self.file)
        server.prompt(name="colorize_my_family_photograph")(family_photograph)
        server.prompt(name="find_and_color_for_a_lesson")(lesson)

    async def restore(
        self,
        photograph: Photograph,
        ctx: Context[Any, Any],
        denoise: Annotated[float, Field(ge=0, le=1, description="Share of the noise taken away.")] = 0.5,
        mend: Annotated[bool, Field(description="Mend damage, or only find it.")] = True,
    ) -> list[ContentBlock]:
        """Mend damage and reduce noise, without coloring. Nothing is sharpened or invented."""
        options = {"colorize": False, "denoise": denoise, "mend": mend}
        return await self._worked_on(ctx, photograph, options)

    async def colorize(
        self,
        photograph: Photograph,
        ctx: Context[Any, Any],
        hints: Annotated[
            list[HintInWords] | None, Field(description="What is known about colors.", max_length=MOST_HINTS)
        ] = None,
        kind: Kind = "",
        file_under: FileUnder = "",
    ) -> list[ContentBlock]:
        """Restore a black-and-white photograph and infer its colors; or color a known one anew with hints.

        Asked again for a known photograph without anything new, it returns what there is.
        """
        options: dict[str, Any] = {}
        with _errors_told():
            if hints is not None:
                options["hints"] = [hint.option().model_dump() for hint in hints]
        if kind:
            options["kind"] = kind
        if file_under:
            options |= {"keep": Keep.CATALOG, "accession_number": file_under}
        return await self._worked_on(ctx, photograph, options)

    async def alternatives(
        self,
        photograph: Known,
        ctx: Context[Any, Any],
        count: Annotated[int, Field(ge=1, le=MOST_ALTERNATIVES)] = 2,
    ) -> list[ContentBlock]:
        """Show other plausible colorings, which differ where the colors cannot be known."""
        return await self._worked_on(ctx, photograph, {"alternatives": count})

    async def describe_doubt(self, photograph: Known, ctx: Context[Any, Any]) -> list[ContentBlock]:
        """Say how sure the colors are, and where they are guesses: in words, in boxes and as a map."""

        def look(client: ApiToken) -> list[ContentBlock]:
            results = self.desk.results(self.desk.get(client, photograph))
            if (told := results.get(DOUBT)) is None:
                remedy = "Colorize it first, and wait until it is finished."
                raise CatalogError(photograph, "has no colors to doubt yet", remedy)
            doubt = json.loads(told.path.read_text(encoding="utf-8"))
            boxes = json.dumps(doubt["places"])
            words = f"{doubt['words']}\nBoxes, as shares of the picture: {boxes}"
            return [TextContent(type="text", text=words), *_images(results, "confidence.jpg")]

        return await self._called(ctx, look)

    async def search_catalog(
        self,
        words: Annotated[str, Field(max_length=500, description="Words, a phrase in quotes, -not, or.")],
        ctx: Context[Any, Any],
        limit: Annotated[int, Field(ge=1, le=MOST_FOUND)] = 10,
    ) -> list[ContentBlock]:
        """Search the museum's catalog: what is published, to reviewers everything."""
        return await self._called(
            ctx,
            lambda client: [_text(json.dumps(self.desk.search(client, words, limit), ensure_ascii=False))],
        )

    async def get_provenance(
        self,
        name: Annotated[str, Field(description="The id of a photograph, or an accession number.")],
        ctx: Context[Any, Any],
    ) -> list[ContentBlock]:
        """Return what was done to a photograph, by which models, with which hints: JSON-LD (PREMIS, PROV)."""
        return await self._called(ctx, lambda client: [_text(self.desk.provenance(client, name))])

    async def publish_status(
        self, accession_number: Annotated[str, Field(max_length=100)], ctx: Context[Any, Any]
    ) -> list[ContentBlock]:
        """Say whether an object is published, and how far its review has come. Nothing is decided here."""

        def look(client: ApiToken) -> list[ContentBlock]:
            found = self.desk.published(client, accession_number)
            since = f"is public since {found.published_at}" if found.published_at else "is not published"
            stages = "; ".join(f"{name}: {state}" for name, state in found.reviews) or "nothing to review"
            return [_text(f"{found.accession_number} ({found.title}) {since}. Reviews: {stages}.")]

        return await self._called(ctx, look)

    async def file(self, number: str, name: str, ctx: Context[Any, Any]) -> bytes:
        """Return the bytes of a file."""

        def look(client: ApiToken) -> bytes:
            found = self.desk.results(self.desk.get(client, number)).get(name)
            if found is None:
                raise CatalogError(name, "is no file of it", "Colorize it again to see its files.")
            if found.described.bytes > MOST_LINKED:
                remedy = f"Fetch it by HTTP: GET /requests/{number}/files/{name}."
                raise ScanTooLarge(name, f"holds {found.described.bytes} bytes", remedy)
            return found.path.read_bytes()

        try:
            return await to_thread.run_sync(lambda: look(self._client(ctx)))
        except HeliochromeError as error:
            raise ResourceNotFoundError(f"{error.fault}. {error.remedy}") from error

    async def _worked_on(
        self, ctx: Context[Any, Any], photograph: str, changes: Mapping[str, Any]
    ) -> list[ContentBlock]:
        def tell(request: Request, ahead: int) -> None:
            words = f"{ahead} before it" if request.state is RequestState.QUEUED else request.stage
            from_thread.run(ctx.report_progress, request.progress, 1.0, words)

        def work(client: ApiToken) -> list[ContentBlock]:
            asked = self._handed_over(client, photograph, changes)
            return self._shown(self.desk.wait(asked, MOST_SECONDS, tell))

        return await self._called(ctx, work)

    def _handed_over(self, client: ApiToken, photograph: str, changes: Mapping[str, Any]) -> Request:
        if photograph.startswith("data:"):
            return self.desk.hand_over_bytes(client, _decoded(photograph), RequestOptions(**changes))
        if not _is_id(photograph):
            return self.desk.hand_over_file(client, photograph, RequestOptions(**changes))
        known = self.desk.get(client, photograph)
        if known.state in UNFINISHED and not changes:
            return known
        options = RequestOptions.model_validate({**known.options, **changes})
        return self.desk.color_anew(client, known, options)

    def _shown(self, request: Request) -> list[ContentBlock]:
        """Return what there is of a request: words, views, and links to the files."""
        results = self.desk.results(request)
        links = [
            ResourceLink(
                type="resource_link",
                uri=self.link_to(request, name),
                name=name,
                description=str(found.described.role),
                mime_type=found.described.media_type,
                size=found.described.bytes,
            )
            for name, found in results.items()
            if PurePosixPath(name).suffix == ".tif" or name in {"colorized.jpg", "restored.jpg"}
        ]
        views = [PREVIEW, *sorted(name for name in results if name.startswith("alternative-"))]
        shown = [one for name in views if name.endswith(".jpg") for one in _images(results, name)]
        return [_text(_words(request, results)), *shown, *links]

    async def _called(self, ctx: Context[Any, Any], work: Callable[[ApiToken], T]) -> T:
        """Return what `work` does for the calling client, in a thread; errors in words for the model."""

        def run() -> T:
            with _errors_told():
                return work(self._client(ctx))

        return await to_thread.run_sync(run)

    def _client(self, ctx: Context[Any, Any]) -> ApiToken:
        # Of this very call: a session may outlive its token.
        stated = self.secret or (ctx.headers or {}).get("authorization", "").partition(" ")[2]
        return self.desk.client(stated.strip())


class _errors_told:
    """Turns errors of ours into what the model reads: fault and remedy, no path of this machine."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "options"
            raise ToolError(f"{where}: {first['msg']}") from error
        if isinstance(error, HeliochromeError):
            when = f" Try again after {error.retry_after} s." if isinstance(error, TooManyRequests) else ""
            raise ToolError(f"{error.fault.rstrip('.')}. {error.remedy}{when}") from error


def _words(request: Request, results: Mapping[str, ResultFile]) -> str:
    named = f"Photograph {request.uuid}"
    if request.state in UNFINISHED:
        return f"{named} is not finished: {request.state}. Ask again with its id."
    if request.state is not RequestState.FINISHED:
        return f"{named}: {request.state}. {request.reason}. {request.remedy}"
    parts = [f"{named} is finished; use this id in further questions."]
    if "colorization" in request.entries:
        parts.append(COLOR_NOTICE)
        if DOUBT in results:
            parts.append(json.loads(results[DOUBT].path.read_text(encoding="utf-8"))["words"])
    else:
        parts.append(RESTORATION_NOTICE)
    if request.accession_number:
        parts.append(f"It is filed under {request.accession_number} and waits for review.")
    return " ".join(parts)


def _is_id(photograph: str) -> bool:
    try:
        return bool(UUID(photograph))
    except ValueError:
        return False


def _text(words: str) -> TextContent:
    return TextContent(type="text", text=words)


def _images(results: Mapping[str, ResultFile], name: str) -> list[ContentBlock]:
    if (found := results.get(name)) is None:
        return []
    small = io.BytesIO()
    with Image.open(found.path) as view:
        packet = view.info.get("xmp", b"")
        view.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        view.save(small, "JPEG", quality=SHOWN_QUALITY, xmp=packet)
    data = base64.b64encode(small.getvalue()).decode()
    return [ImageContent(type="image", data=data, mime_type="image/jpeg")]


def _decoded(photograph: str) -> bytes:
    head, _, body = photograph.partition(",")
    if len(body) > MOST_DATA * 4 // 3 + 4:
        raise ScanTooLarge("photograph", "holds more than 3 MiB", "Hand it over by HTTP, and name its id.")
    try:
        if not head.endswith(";base64"):
            raise ValueError(head)
        return base64.b64decode(body, validate=True)
    except (ValueError, binascii.Error):
        remedy = "Send data:image/jpeg;base64, and the file's bytes in base64."
        raise OptionsError("photograph", "is no base64 data address", remedy) from None


def resource_of(request: Request, name: str) -> str:
    """Return the address of a request's file as a resource of this protocol."""
    return f"heliochrome://requests/{request.uuid}/files/{name}"


def family_photograph(photograph: str) -> str:
    """Colorize a family photograph, asking for what the family knows."""
    return (
        f"Colorize the photograph {photograph} with the tool colorize. Show the result, and say that the "
        "colors are inferred and how sure they are. Then use describe_doubt, ask me what I know about the "
        "doubtful places and how I know it (a letter, a keepsake, a memory), and colorize it again with what "
        "I tell you as hints. Do not guess who or what is in the picture."
    )


def lesson(subject: str) -> str:
    """Find photographs in the catalog for a lesson, and explain how far their colors can be trusted."""
    return (
        f"Find photographs about {subject} with search_catalog, and choose up to three for a lesson. For "
        "each of them get_provenance, and explain to pupils what was restored, that its colors are inferred "
        "by a model, and what would be evidence of the true colors."
    )
