#!/usr/bin/env bash
# Asks the running example as a visitor would; exits with the number of faults.  smoke.sh [URL]
# SITE_NAME is whom the certificate must be for. One that nobody has signed is trusted as it is.
set -euo pipefail
url=${1:-https://127.0.0.1:${HTTPS_PORT:-8444}/}
name=${SITE_NAME:-site.localhost}
node=${url#https://}
node=${node%/}
port=${node##*:}
site=https://$name:$port
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
faults=0
check() { # WHAT COMMAND...
  local answer
  if answer=$("${@:2}" 2>&1); then
    printf 'ok     %-40s %s\n' "$1" "$answer"
  else
    printf 'FAULT  %-40s %s\n' "$1" "$answer"
    faults=$((faults + 1))
  fi
}
visit() { # [OPTION...] PATH
  curl --silent --show-error --fail --max-time 20 --cacert "$folder/certificate" --connect-to "$name:$port:$node" "${@:1:$#-1}" "$site${*: -1}"
}
tls() {
  openssl s_client -connect "$node" -servername "$name" </dev/null 2>"$folder/tls" | openssl x509 >"$folder/certificate" || {
    head -n 3 "$folder/tls"
    return 1
  }
  visit --output /dev/null / && openssl x509 -in "$folder/certificate" -noout -subject -enddate | xargs
}
redirect() {
  local answer
  answer=$(curl --silent --max-time 20 --output /dev/null --write-out '%{http_code} %{redirect_url}' "http://${node%:*}:${HTTP_PORT:-8003}/blog/")
  echo "$answer"
  [ "$answer" = "308 https://${node%:*}$([ "$port" = 443 ] || echo ":$port")/blog/" ]
}
static() {
  local header
  header=$(visit --output /dev/null --write-out '%header{cache-control}; %header{etag}' /static/site.css)
  echo "$header"
  [[ $header =~ ^public,\ max-age=[0-9]+\;\ (.+)$ ]] &&
    [ "$(visit --output /dev/null --header "If-None-Match: ${BASH_REMATCH[1]}" --write-out '%{http_code}' /static/site.css)" = 304 ]
}
articles() {
  local count
  count=$(visit /blog/ | grep -c 'class="article"')
  echo "$count"
  [ "$count" -ge 3 ]
}
read_count() { visit /blog/by-name | sed -n 's/.*read \([0-9]*\) times.*/\1/p'; }
# Others may read too, so at least.
reads() {
  local first second
  first=$(read_count) || return 1
  second=$(read_count) || return 1
  echo "$first, $second"
  [ "$second" -gt "$first" ]
}
writes() {
  local text="smoke-$$-$RANDOM" page
  visit --output /dev/null --cookie-jar "$folder/cookies" --data "name=Smoke&text=$text" /guestbook/
  page=$(visit --cookie "$folder/cookies" /guestbook/)
  grep -o "Welcome back, Smoke" <<<"$page" && grep -q "$text" <<<"$page"
}
check "TLS" tls
check "plain HTTP is sent to TLS" redirect
check "static files may be cached" static
check "articles in Mongo" articles
check "each read counts in Redis" reads
check "entry in Postgres, session in Redis" writes
exit "$faults"
