#!/bin/sh
# Makes every secret that docker-compose.yml names, each random, each a file; keeps the ones that exist.
# The folder is closed to everybody else; the files in it are readable, because each is mounted into containers
# whose user is not the one on this machine.
set -eu
folder="${1:-$(cd "$(dirname "$0")" && pwd)/secrets}"
mkdir -p "$folder"
chmod 0700 "$folder"

make_secret() {  # name, command that prints it
  if [ ! -s "$folder/$1" ]; then
    sh -c "$2" | tr -d '\n' > "$folder/$1"
    chmod 0644 "$folder/$1"
    echo "made  $1"
  fi
}

hex='head -c 32 /dev/urandom | od -An -tx1 | tr -d " \n"'
for name in postgres_password airflow_database_password wholefamily_database_password airflow_admin_password \
            api_secret_key jwt_secret; do
  make_secret "$name" "$hex"
done
make_secret fernet_key 'head -c 32 /dev/urandom | base64 | tr "+/" "-_"'
echo "Secrets are in $folder; the login of Airflow is admin with airflow_admin_password."
