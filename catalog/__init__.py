"""The collection catalog: records, files, provenance, IIIF and review pages."""
