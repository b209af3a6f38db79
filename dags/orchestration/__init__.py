"""What the DAG files share: assets, defaults, and how a failure is told. No step of the pipeline belongs here."""
