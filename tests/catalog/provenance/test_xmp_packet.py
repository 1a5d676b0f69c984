"""XMP packets: written, read back, hostile ones refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.provenance.record import Description, assemble, instance_id
from catalog.provenance.vocabulary import DigitalSourceType
from catalog.provenance.xmp_facts import XmpFacts, read_packet
from catalog.provenance.xmp_packet import JPEG_LIMIT, build_packet
from catalog.vocabulary import COLOR_NOTICE
from imaging.errors import CatalogError, CorruptScan
from imaging.stage import Role
from tests.catalog.provenance.conftest import HINT, MODEL, Photograph

FOREIGN = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
 xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#" xmpMM:DocumentID="xmp.did:1">
<xmpMM:DerivedFrom><rdf:Description stRef:instanceID="xmp.iid:2"/></xmpMM:DerivedFrom></rdf:Description>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt>
<rdf:li xml:lang="x-default">Tram</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"""


def _facts(photograph: Photograph) -> XmpFacts:
    colorized = photograph.result(1).file(Role.COLORIZED)
    return read_packet(build_packet(photograph.record, colorized))


def test_what_is_written_is_read_back(photograph: Photograph) -> None:
    facts = _facts(photograph)
    restored = photograph.result(0).file(Role.RESTORED)
    colorized = photograph.result(1).file(Role.COLORIZED)
    assert facts.title == "Straßenbahn vor dem “Café Řehoř”"
    assert facts.accession_number == "1912.44/7 <A&B>"
    assert facts.notice == COLOR_NOTICE
    assert facts.digital_source_type == DigitalSourceType.COMPOSITE_WITH_MODEL
    assert facts.scan_sha256 == photograph.record.scan.sha256
    assert facts.input_sha256 == restored.sha256
    assert facts.content_sha256 == colorized.sha256
    assert facts.instance_id == instance_id(colorized.sha256)
    assert facts.derived_from == instance_id(restored.sha256)
    assert facts.models == ((MODEL.name, MODEL.sha256),)


def test_the_history_names_the_pictures_and_not_their_companions(photograph: Photograph) -> None:
    stored = photograph.inputs.runs[1].run
    reordered = replace(stored, result=replace(stored.result, files=stored.result.files[::-1]))
    record = assemble(
        photograph.inputs.description, photograph.inputs.scan, [photograph.inputs.runs[0].run, reordered]
    )
    colorized = photograph.result(1).file(Role.COLORIZED)
    assert build_packet(record, colorized) == build_packet(photograph.record, colorized)


def test_a_copy_is_an_instance_of_its_own_derived_from_its_master(photograph: Photograph) -> None:
    colorized = photograph.result(1).file(Role.COLORIZED)
    copy = read_packet(build_packet(photograph.record, colorized, variant="access copy"))
    assert copy.derived_from == instance_id(colorized.sha256)
    assert copy.instance_id not in {copy.derived_from, None}
    assert copy.document_id != _facts(photograph).document_id


def test_the_packet_is_the_same_each_time(photograph: Photograph) -> None:
    colorized = photograph.result(1).file(Role.COLORIZED)
    assert build_packet(photograph.record, colorized) == build_packet(photograph.record, colorized)


def test_many_hints_are_shortened_to_what_a_jpeg_holds_and_counted(photograph: Photograph) -> None:
    runs = [stored.run for stored in photograph.inputs.runs]
    runs[1] = replace(runs[1], hints=(replace(HINT, source="letter " * 20),) * 2000)
    record = assemble(photograph.inputs.description, photograph.inputs.scan, runs)
    packet = build_packet(record, photograph.result(1).file(Role.COLORIZED))
    assert len(packet) <= JPEG_LIMIT
    assert b"<heliochrome:HintCount>2000</heliochrome:HintCount>" in packet
    assert packet.count(b"heliochrome:Source>letter") > 50


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=st.text(min_size=1), maker=st.text())
def test_any_text_makes_a_readable_packet(photograph: Photograph, title: str, maker: str) -> None:
    about = Description("1", title=title, maker=maker)
    record = assemble(about, photograph.inputs.scan, [stored.run for stored in photograph.inputs.runs])
    facts = read_packet(build_packet(record, photograph.result(1).file(Role.COLORIZED)))
    if title.isprintable():
        assert facts.title == title


def test_other_peoples_packets_are_read(photograph: Photograph) -> None:
    facts = read_packet(FOREIGN)
    assert (facts.document_id, facts.derived_from, facts.title) == ("xmp.did:1", "xmp.iid:2", "Tram")
    assert facts.notice is None


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"not xml",
        b"<x:xmpmeta",
        b"\xff\xfe<\0x\0",
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
    ],
)
def test_unreadable_and_hostile_packets_are_refused(packet: bytes) -> None:
    with pytest.raises(CorruptScan, match="XMP packet"):
        read_packet(packet)


def test_a_file_that_the_record_does_not_know_is_refused(photograph: Photograph) -> None:
    stranger = replace(photograph.result(1).file(Role.COLORIZED), sha256="ab" * 32)
    with pytest.raises(CatalogError, match="has no file"):
        build_packet(photograph.record, stranger)
