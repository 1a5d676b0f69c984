"""What happens outside of runs and starts some: archivists decide."""

from __future__ import annotations

from airflow.sdk import Asset

REVIEWS = Asset("heliochrome_reviews", "heliochrome://catalog/reviews")
"""Changes whenever an archivist approves, rejects or returns a photograph."""
