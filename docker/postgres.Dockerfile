# PostgreSQL with pgaudit, which the plain image does not have. The packages come from the image's own archive.
FROM postgres:18.6
RUN apt-get update \
 && apt-get install --yes --no-install-recommends postgresql-18-pgaudit \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o postgres -g postgres -m 0700 /var/lib/postgresql-archive
USER postgres
