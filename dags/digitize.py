"""Digitize: new scans of the inbox are restored, colorized, documented and handed to the archivists.

Runs daily and whenever somebody starts it. A run takes in what is new in the inbox, and goes on with what the
catalog lists as due, wherever its file is by then: scans that failed or were sent back with hints, and whose
files were lost. Finished work is not done again, unless somebody asks for that under *Redo*. Batches go their
way independently of each other. The run is green only when no
photograph was lost; the task ``report`` names those that were, and why.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, task_group

from imaging.scan_kind import ScanKind
from operators import settings
from operators.batch import RETRIES
from operators.colorize import ColorizeOperator
from operators.find_scans import FindScansOperator
from operators.ingest import IngestOperator
from operators.publish_manifest import PublishManifestOperator
from operators.report import ReportOperator
from operators.restore import EXTRAS, RestoreOperator
from operators.tag_provenance import TagProvenanceOperator

PARAMS = {
    "inbox": Param(
        "",
        type="string",
        title="Inbox",
        description="Folder of scans in the configured inbox, or else in the home folder; empty: the inbox.",
    ),
    "collection": Param(
        "",
        type="string",
        pattern="^([a-z0-9]+(-[a-z0-9]+)*)?$",
        title="Collection",
        description="The collection that the photographs join: lower-case words joined by hyphens; or none.",
    ),
    "batch_size": Param(
        settings.batch_size(),
        type="integer",
        minimum=1,
        maximum=1000,
        title="Batch size",
        description="Photographs per task; increased automatically where there would be too many tasks.",
    ),
    "produce": Param(
        ["restored", "colorized"],
        type="array",
        items={"type": "string", "enum": ["restored", "colorized", "alternatives"]},
        uniqueItems=True,
        title="Produce",
        description="What to make of each scan; alternatives bring the colorized photograph with them.",
    ),
    "sensitivity": Param(
        0.5,
        type="number",
        minimum=0,
        maximum=1,
        title="Sensitivity to damage",
        description="0–1; how readily something counts as damage that is mended.",
    ),
    "denoise": Param(
        0.5,
        type="number",
        minimum=0,
        maximum=1,
        title="Noise reduction",
        description="0–1; which share of the noise is removed.",
    ),
    "extras": Param(
        [],
        type="array",
        items={"type": "string", "enum": list(EXTRAS)},
        uniqueItems=True,
        title="Also restore",
        description="Fill losses, flatten fading, turn tints neutral, stretch levels; nothing for masters.",
    ),
    "model": Param(
        "",
        type="string",
        title="Color model",
        description="Name of a model that `heliochrome models list` shows; empty: the default.",
    ),
    "restraint": Param(
        None,
        type=["null", "number"],
        minimum=0,
        maximum=1,
        title="Restraint in color",
        description="0–1; how far uncertain color is drawn towards neutral. Empty: as the model advises.",
    ),
    "kind": Param(
        "",
        type="string",
        enum=["", *ScanKind],
        title="What the scans are",
        description="Empty: what each is taken for. Only monochrome and toned ones are colorized. "
        "What somebody has set for a single scan takes precedence.",
    ),
    "again": Param(
        False,
        type="boolean",
        title="Try refused scans again",
        description="Scans that an earlier run refused are otherwise only counted in the report.",
    ),
    "redo": Param(
        "never",
        type="string",
        enum=["never", "unreviewed", "all"],
        title="Redo",
        description="Finished work to take up again with these options and the present models: none, what no "
        "archivist has decided on, or all. Approved versions stand until another one is approved.",
    ),
}
STAGES = ("ingest", "restore", "colorize", "tag", "describe")

with DAG(
    dag_id="digitize",
    # At night, and not at once when the DAG is first seen: a new deployment starts when somebody starts it.
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC", run_immediately=timedelta(seconds=1)),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=settings.longest_run_hours()),
    default_args=dict(RETRIES),
    params=PARAMS,
    tags=["heliochrome"],
    doc_md=__doc__,
) as dag:

    @task_group
    def photographs(batch: Any) -> None:
        """Take one batch through all stages."""
        ingested = IngestOperator(
            task_id="ingest",
            batch=batch,
            inbox="{{ params.inbox }}",
            collection="{{ params.collection }}",
            again="{{ params.again }}",
            kind="{{ params.kind }}",
        )
        restored = RestoreOperator(
            task_id="restore",
            batch=ingested.output,
            sensitivity="{{ params.sensitivity }}",
            denoise="{{ params.denoise }}",
            extras="{{ params.extras | tojson }}",
            max_active_tis_per_dag=settings.restoration_slots(),
        )
        colorized = ColorizeOperator(
            task_id="colorize",
            batch=restored.output,
            produce="{{ params.produce | tojson }}",
            model="{{ params.model }}",
            restraint="{{ params.restraint | tojson }}",
        )
        tagged = TagProvenanceOperator(task_id="tag", batch=colorized.output)
        PublishManifestOperator(task_id="describe", batch=tagged.output)

    found = FindScansOperator(
        task_id="find_scans",
        inbox="{{ params.inbox }}",
        batch_size="{{ params.batch_size }}",
        collection="{{ params.collection }}",
        again="{{ params.again }}",
        redo="{{ params.redo }}",
    )
    report = ReportOperator(
        task_id="report", found_by="find_scans", stages=[f"photographs.{stage}" for stage in STAGES]
    )
    photographs.expand(batch=found.output) >> report
