#!/bin/sh
# One base backup into the archive, checked as soon as it is there; the oldest beyond KEEP go.
set -eu
umask 077
archive="${ARCHIVE:-/var/lib/postgresql-archive}"
passwords=$(mktemp)
trap 'rm -f "$passwords"' EXIT
printf '*:*:*:backup:%s\n' "$(cat "${SECRETS:-/run/secrets}/backup_database_password")" > "$passwords"
export PGPASSFILE="$passwords"
name="base-$(date -u +%Y%m%dT%H%M%SZ)"
pg_basebackup --host="${DATABASE_HOST:-postgres}" --port="${DATABASE_PORT:-5432}" --username=backup --no-password \
  --checkpoint=fast --wal-method=stream --manifest-checksums=sha256 --pgdata="$archive/.$name"
pg_verifybackup --quiet "$archive/.$name"
mv "$archive/.$name" "$archive/$name"
ls -d "$archive"/base-* | sort | head -n "-${KEEP:-7}" | while read -r old; do rm -rf "$old"; done
echo "$archive/$name"
