"""Annotations on a manifest's canvases: damage, mended or not, and the colors that people gave."""

from __future__ import annotations

from collections.abc import Iterable

import iiif_prezi3 as prezi

from catalog.iiif.addresses import Addresses
from catalog.iiif.language import text
from catalog.iiif.records import CanvasImage, PhotographRecord, SourcedHint, View


def annotation_pages(
    record: PhotographRecord, view: View, number: int, addresses: Addresses
) -> Iterable[prezi.AnnotationPage]:
    """Yield the pages of canvas `number` (from 1): damage, mended or not, and the colors that people gave."""
    canvas_id = addresses.canvas(record.accession, number)
    first = view.ordered()[0]
    if view.regions:
        page_id = addresses.annotations(record.accession, f"mended-{number}")
        yield prezi.AnnotationPage(
            id=page_id,
            label=text("Damage that was found", "en"),
            items=[
                _annotation(
                    f"{page_id}#{n}",
                    f"{'Mended' if region.mended else 'Found, not mended'}: {region.kind}",
                    "tagging",
                    prezi.SVGSelector(value=_outline(region.polygon, first)),
                    canvas_id,
                )
                for n, region in enumerate(view.regions, 1)
            ],
        )
    if view.hints:
        page_id = addresses.annotations(record.accession, f"hints-{number}")
        yield prezi.AnnotationPage(
            id=page_id,
            label=text("Colors that people gave, and their sources", "en"),
            items=[
                _annotation(
                    f"{page_id}#{n}",
                    _hint_text(hint),
                    "commenting",
                    prezi.FragmentSelector(value=_spot(hint, first)),
                    canvas_id,
                )
                for n, hint in enumerate(view.hints, 1)
            ],
        )


def _annotation(
    address: str,
    text: str,
    motivation: str,
    selector: prezi.SVGSelector | prezi.FragmentSelector,
    canvas_id: str,
) -> prezi.Annotation:
    return prezi.Annotation(
        id=address,
        motivation=motivation,
        body=prezi.TextualBody(value=text, language="en", format="text/plain"),
        target=prezi.SpecificResource(source=canvas_id, selector=selector),
    )


def _outline(polygon: Iterable[tuple[float, float]], canvas: CanvasImage) -> str:
    points = "L".join(f"{x:.10g},{y:.10g}" for x, y in polygon)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {canvas.width} {canvas.height}">'
        f'<path d="M{points}Z"/></svg>'
    )


def _spot(hint: SourcedHint, canvas: CanvasImage) -> str:
    # A point has no extent that viewers can show: one hundredth of the longer side can be seen.
    side = max(1, round(max(canvas.width, canvas.height) / 100))
    left = min(max(0, round(hint.x * canvas.width - side / 2)), max(0, canvas.width - side))
    top = min(max(0, round(hint.y * canvas.height - side / 2)), max(0, canvas.height - side))
    return f"xywh={left},{top},{side},{side}"


def _hint_text(hint: SourcedHint) -> str:
    return f"Color {hint.color} according to: {hint.source}" + (
        f" (placed by {hint.placed_by})" if hint.placed_by else ""
    )
