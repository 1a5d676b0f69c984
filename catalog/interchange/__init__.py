"""Descriptions of objects from and for other programs: CSV (`spreadsheet`) and JSON-LD (`linked_art`)."""
