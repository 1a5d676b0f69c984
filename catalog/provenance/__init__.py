"""Provenance: where every pixel came from, written into the files and beside them, and checked again.

Assembled in `record`; expressed in PREMIS (`premis`), W3C PROV (`prov`), XMP (`xmp_packet`), EXIF (`exif`),
IPTC (`iptc`) and C2PA content credentials (`signing`); written into files by the stage `tag`; checked by
`verify` and `audit`.
"""
