"""Audit fixity: a share of the store is read again each week, so that silent damage does not stay silent.

What has changed goes to quarantine, with an event in the catalog, and the run fails and names it. The
next run of ``digitize`` makes derivatives anew; originals have to come in again, or back from a backup.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param

from operators import settings
from operators.audit_fixity import AuditFixityOperator
from operators.batch import RETRIES

with DAG(
    dag_id="audit_fixity",
    schedule=CronTriggerTimetable("0 4 * * 0", timezone="UTC", run_immediately=timedelta(seconds=1)),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=settings.longest_run_hours()),
    default_args=dict(RETRIES),
    params={
        "weeks": Param(
            settings.audit_weeks(),
            type="integer",
            minimum=1,
            maximum=520,
            title="Weeks",
            description="In how many weekly runs everything is read once; 1 reads all now.",
        )
    },
    tags=["heliochrome"],
    doc_md=__doc__,
) as dag:
    AuditFixityOperator(task_id="audit", weeks="{{ params.weeks }}")
