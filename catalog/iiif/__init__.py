"""IIIF: manifests, collections, images, change discovery, search, and the static site made of them."""
