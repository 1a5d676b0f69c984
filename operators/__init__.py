"""Thin adapters between Airflow or the command line and the floors below."""
