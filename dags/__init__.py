"""DAG definitions only: what runs after what, when, and with how much parallelism."""
