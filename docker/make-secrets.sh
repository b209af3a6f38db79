#!/bin/sh
# Makes every secret that docker-compose.yml names, each random, each a file; keeps the ones that exist.
# The folder is closed to everybody else; the files in it are readable, because each is mounted into containers
# whose user is not the one on this machine.
set -eu
folder="${1:-$(cd "$(dirname "$0")" && pwd)/secrets}"
mkdir -p "$folder"
chmod 0700 "$folder"

make_secret() {  # name, command that prints it; with a third word, in its own lines
  if [ ! -s "$folder/$1" ]; then
    if [ $# -gt 2 ]; then sh -c "$2" > "$folder/$1"; else sh -c "$2" | tr -d '\n' > "$folder/$1"; fi
    chmod 0644 "$folder/$1"
    echo "made  $1"
  fi
}

hex='head -c 32 /dev/urandom | od -An -tx1 | tr -d " \n"'
for name in postgres_password airflow_database_password wholefamily_database_password backup_database_password \
            airflow_admin_password api_secret_key jwt_secret; do
  make_secret "$name" "$hex"
done
make_secret fernet_key 'head -c 32 /dev/urandom | base64 | tr "+/" "-_"'

# A certificate for the database's server, and the authority that signed it; its key is thrown away. One from your own
# authority, for the name `postgres`, goes into the same three files.
if [ ! -s "$folder/postgres_tls_key" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 3650 -subj "/CN=Whole Family database" \
    -addext "keyUsage=critical,keyCertSign" -keyout "$work/ca.key" -out "$work/ca" 2> /dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -subj "/CN=postgres" \
    -keyout "$work/server.key" -out "$work/server.csr" 2> /dev/null
  printf 'subjectAltName=DNS:postgres,DNS:localhost\nextendedKeyUsage=serverAuth\n' > "$work/extensions"
  openssl x509 -req -in "$work/server.csr" -CA "$work/ca" -CAkey "$work/ca.key" -CAcreateserial -days 825 \
    -extfile "$work/extensions" -out "$work/server" 2> /dev/null
  make_secret postgres_ca "cat $work/ca" keep
  make_secret postgres_tls_certificate "cat $work/server" keep
  make_secret postgres_tls_key "cat $work/server.key" keep
fi
echo "Secrets are in $folder; the login of Airflow is admin with airflow_admin_password."
