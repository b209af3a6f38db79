-- What ingest measures and holds each delivery against.

