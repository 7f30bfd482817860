#!/bin/sh
# A certificate that nobody else signed, for SITE_NAME, unless there is one that will do for another month. The key stays in its volume.
set -eu
cd /etc/nginx/tls
if [ -s site.crt ] && openssl x509 -in site.crt -noout -checkend 2592000 &&
  openssl x509 -in site.crt -noout -checkhost "$SITE_NAME" | grep -q 'does match'; then
  echo "there is one for $SITE_NAME: nothing to do"
  exit
fi
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 397 \
  -subj "/CN=$SITE_NAME" -addext "subjectAltName=DNS:$SITE_NAME" -keyout site.key -out site.crt.part
mv site.crt.part site.crt
echo "made one for $SITE_NAME"
