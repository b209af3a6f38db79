"""Airflow's home in an installation, and running the DAGs in process; Airflow itself is only ever a child process."""

from pipeline.airflow_home.home import HUB_SLOTS, AirflowHome, free_port, prepare_airflow_home
from pipeline.airflow_home.running import DagOutcome, run_dags

__all__ = ["HUB_SLOTS", "AirflowHome", "DagOutcome", "free_port", "prepare_airflow_home", "run_dags"]
