"""IIIF: manifests, collections, images, change discovery and search."""
