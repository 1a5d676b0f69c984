"""Publish collections: static sites that any web server or bucket can hold, level 0 of the Image API.

Runs when archivists have decided something, and once a night in any case. Only what changed is written again.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param

from operators import settings
from operators.batch import RETRIES
from operators.plugin.assets import REVIEWS
from operators.publish_collection import FindCollectionsOperator, PublishCollectionOperator

NIGHTLY = CronTriggerTimetable("0 3 * * *", timezone="UTC", run_immediately=timedelta(seconds=1))

with DAG(
    dag_id="publish_collection",
    schedule=AssetOrTimeSchedule(timetable=NIGHTLY, assets=[REVIEWS]),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=settings.longest_run_hours()),
    default_args=dict(RETRIES),
    params={
        "collection": Param(
            "",
            type="string",
            pattern="^([a-z0-9]+(-[a-z0-9]+)*)?$",
            title="Collection",
            description="The slug of the collection to publish; empty: all.",
        )
    },
    tags=["heliochrome"],
    doc_md=__doc__,
) as dag:
    found = FindCollectionsOperator(task_id="find_collections", collection="{{ params.collection }}")
    PublishCollectionOperator.partial(task_id="publish", max_active_tis_per_dag=2).expand(slug=found.output)
