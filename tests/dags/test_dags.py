"""DAG files parse fast, load nothing heavy, and say what they mean."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest

import dags

FILES = sorted(Path(dags.__file__).parent.glob("[a-z]*.py"))
HEAVY = ("torch", "cv2", "pyvips", "alembic", "iiif_prezi3", "c2pa")

PARSE = """
import importlib, json, sys, time
import airflow.sdk
# What any DAG costs: the timetable's own modules.
airflow.sdk.DAG("warm", schedule=airflow.sdk.CronTriggerTimetable("0 0 * * *", timezone="UTC"))
from airflow.sdk import conf, AssetOrTimeSchedule
began = time.process_time()
for name in sys.argv[1:]:
    importlib.import_module(name)
seconds = time.process_time() - began
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def parsed() -> dict[str, object]:
    names = [f"dags.{path.stem}" for path in FILES]
    command = [sys.executable, "-c", PARSE, *names, "operators.plugin.plugin", "operators.provider"]
    return json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    )


def test_dags_and_plugin_load_nothing_heavy(parsed: dict[str, list[str]]) -> None:
    loaded = {name.partition(".")[0] for name in parsed["modules"]}
    assert not loaded.intersection(HEAVY)


def test_dags_parse_fast(parsed: dict[str, float]) -> None:
    assert parsed["seconds"] < 0.3 * len(FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_defines_the_dag_of_its_name(path: Path) -> None:
    dag = import_module(f"dags.{path.stem}").dag
    assert dag.dag_id == path.stem
    assert dag.doc_md and dag.max_active_runs == 1 and not dag.catchup
    assert dag.dagrun_timeout == timedelta(weeks=1), "no run goes on forever"


def test_every_stage_is_retried_with_growing_patience() -> None:
    from dags import digitize
    from operators.batch import RETRY_POLICY

    tasks = {task.task_id: task for task in digitize.dag.tasks}
    for name in digitize.STAGES:
        task = tasks[f"photographs.{name}"]
        assert task.retries == 2 and task.retry_exponential_backoff == 2.0
        assert task.retry_policy is RETRY_POLICY
    assert tasks["photographs.colorize"].pool == "heliochrome_tiles"
    assert tasks["photographs.colorize"].max_active_tis_per_dag is None, "the pool alone is the limit"
    assert tasks["report"].trigger_rule == "all_done"
    assert tasks["report"].upstream_task_ids == {"photographs.describe"}
    assert not tasks["report"].downstream_task_ids


@pytest.mark.parametrize("text", ["1987", "1e5", "None", "[1]"])
def test_text_of_the_form_stays_text(text: str) -> None:
    from dags import digitize

    find, ingest = (digitize.dag.get_task(name) for name in ("find_scans", "photographs.ingest"))
    for task, field in ((find, "inbox"), (ingest, "inbox"), (ingest, "collection")):
        context = {"params": {field: text}}
        assert task.render_template(getattr(task, field), context, task.get_template_env()) == text


@pytest.mark.parametrize("produce", [["restored", "alternatives"], ["colorized"], []])
def test_what_to_produce_arrives_as_it_was_asked_for(produce: list[str]) -> None:
    from dags import digitize

    task = digitize.dag.get_task("photographs.colorize")
    rendered = task.render_template(task.produce, {"params": {"produce": produce}}, task.get_template_env())
    assert json.loads(rendered) == produce


@pytest.mark.parametrize(
    "wrong",
    [
        {"collection": "Not A Slug"},
        {"batch_size": 0},
        {"produce": ["music"]},
        {"denoise": 2},
        {"again": "maybe"},
    ],
)
def test_wrong_parameters_are_refused(wrong: dict[str, object]) -> None:
    from airflow.sdk.exceptions import AirflowException

    from dags.digitize import PARAMS

    (name,) = wrong
    with pytest.raises((ValueError, AirflowException)):
        PARAMS[name].resolve(wrong[name])
    PARAMS[name].resolve(PARAMS[name].value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_airflow_s_own_setting_decides_whether_a_new_dag_is_paused(path: Path) -> None:
    assert import_module(f"dags.{path.stem}").dag.is_paused_upon_creation is None
