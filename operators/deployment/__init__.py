"""What `heliochrome up` runs: the home folder, the embedded PostgreSQL and Airflow's components."""
