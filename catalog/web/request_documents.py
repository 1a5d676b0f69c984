"""Requests as JSON: state, progress, place in the queue, and what can be fetched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Connection

from catalog import request_queue, requests
from catalog.recolorings import Recoloring
from catalog.request_files import LOOK, PREVIEW, VIEWS
from catalog.requests import Request
from catalog.schema import RequestState
from catalog.vocabulary import COLOR_NOTICE
from catalog.web.request_access import RequestService


class FileDocument(BaseModel):
    """A file that can be fetched."""

    name: str
    role: str = Field(description="What it is to the photograph.")
    media_type: str
    bytes: int
    sha256: str
    width: int | None = Field(default=None, description="px")
    height: int | None = Field(default=None, description="px")
    href: str = Field(description="Where it is, for some minutes without a token.")


class RequestDocument(BaseModel):
    """A request."""

    id: str
    state: RequestState
    stage: str = Field(description="What is being done.")
    progress: float = Field(ge=0, le=1)
    ahead: int | None = Field(default=None, description="Requests that are served before it.")
    seconds_left: float | None = Field(default=None, description="About how long it takes yet.")
    preview: str | None = Field(
        default=None, description="'first look' before anything is restored, 'final', or none yet."
    )
    name: str
    width: int = Field(description="px")
    height: int = Field(description="px")
    options: dict[str, Any]
    notice: str | None = Field(default=None, description="To be said wherever the colors are shown.")
    figures: dict[str, Any]
    accession_number: str | None = Field(default=None, description="Under which it was filed.")
    reason: str | None = Field(default=None, description="Why there is no outcome.")
    remedy: str | None = None
    created_at: datetime
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    files: list[FileDocument]
    self: str
    events: str = Field(description="Server-sent events, for some minutes without a token.")
    hints: str = Field(description="Where hints are tried.")


class ObeyedDocument(BaseModel):
    """What became of a hint."""

    asked: tuple[float, float] = Field(description="a*b*")
    holdable: tuple[float, float] = Field(description="The nearest a*b* that the place's L* can hold.")
    reached: tuple[float, float]
    limited: bool = Field(description="Whether L* forbids the color.")
    covered: bool = Field(description="Whether later hints cover the place.")


class RecoloringDocument(BaseModel):
    """A set of hints that was tried."""

    id: str
    state: RequestState
    outcome: list[ObeyedDocument]
    notice: str = COLOR_NOTICE
    reason: str | None = None
    remedy: str | None = None
    preview: str | None = Field(default=None, description="The view, for some minutes without a token.")
    self: str


def path_of(request: Request, *more: str) -> str:
    """Return the path of a request, or of something of it, below the deployment's address."""
    return "/".join(("/requests", str(request.uuid), *more))


def request_document(
    connection: Connection, service: RequestService, base_url: str, request: Request
) -> RequestDocument:
    """Return a request as its client sees it."""
    standing = request_queue.standing(connection, request) if request.state in requests.UNFINISHED else None
    results = service.files.results(request.sha256, request.entries)
    final = VIEWS in request.entries
    said = {name: getattr(request, name) for name in ("state", "stage", "progress", "width", "height")}
    moments = {name: getattr(request, name) for name in ("created_at", "finished_at", "expires_at")}
    return RequestDocument(
        id=str(request.uuid),
        **said,
        **moments,
        ahead=standing.ahead if standing else None,
        seconds_left=round(standing.seconds_left, 1) if standing else None,
        preview=("final" if final else "first look") if PREVIEW in results else None,
        name=request.original_name,
        options=dict(request.options),
        notice=COLOR_NOTICE if LOOK in request.entries else None,
        figures=dict(request.figures),
        accession_number=request.accession_number or None,
        reason=request.reason,
        remedy=request.remedy,
        files=[
            FileDocument(
                name=name,
                role=str(found.described.role),
                media_type=found.described.media_type,
                bytes=found.described.bytes,
                sha256=found.described.sha256,
                width=found.described.width,
                height=found.described.height,
                href=service.signed(base_url, path_of(request, "files", name)),
            )
            for name, found in results.items()
        ],
        self=base_url.rstrip("/") + path_of(request),
        events=service.signed(base_url, path_of(request, "events")),
        hints=base_url.rstrip("/") + path_of(request, "hints"),
    )


def recoloring_document(
    service: RequestService, base_url: str, request: Request, recoloring: Recoloring
) -> RecoloringDocument:
    """Return a set of hints as its client sees it."""
    path = path_of(request, "hints", str(recoloring.uuid))
    finished = recoloring.state is RequestState.FINISHED
    return RecoloringDocument(
        id=str(recoloring.uuid),
        state=recoloring.state,
        outcome=[ObeyedDocument.model_validate(one) for one in recoloring.outcome],
        reason=recoloring.reason,
        remedy=recoloring.remedy,
        preview=service.signed(base_url, f"{path}/{PREVIEW}") if finished else None,
        self=base_url.rstrip("/") + path,
    )


UPLOAD_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["photograph"],
                    "additionalProperties": False,
                    "properties": {
                        "photograph": {
                            "type": "string",
                            "format": "binary",
                            "description": "TIFF, JPEG, PNG, WebP or JPEG 2000, at most 25 megapixels.",
                        },
                        "options": {
                            "type": "string",
                            "description": "JSON: denoise, mend, sensitivity, colorize, restraint, "
                            "alternatives, kind, hints, keep, accession_number.",
                            "examples": ['{"alternatives": 2}'],
                        },
                    },
                }
            }
        },
    }
}
"""What the description says of the form that a photograph is handed over in."""
