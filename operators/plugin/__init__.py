"""What Heliochrome adds to Airflow: its pages, who may see them, and the assets that decisions change."""
