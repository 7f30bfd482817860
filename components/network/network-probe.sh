#!/bin/sh
# What a node's kernel has, and what a task on it reaches in the overlay network. components/network/network-probe.ts runs it in
# the nginx image as a global service; until that is removed it prints, again and again, one line of
#   ipvs=KNOWN esp=KNOWN sees=ADDRESS,... reaches=ADDRESS,... virtual=yes|no
# KNOWN: yes, no, or unknown. SERVICE is the service's full name.
trap 'exit 0' TERM
printf '%s' 'error_log /dev/null; pid /tmp/nginx.pid; events {} http { access_log off;' \
	'server { listen 8080; location / { return 200 here; } } }' >/tmp/nginx.conf
nginx -c /tmp/nginx.conf

kernel() { # MODULE OPTION
	if [ -d "/sys/module/$1" ]; then
		echo yes
	elif [ ! -r /proc/config.gz ]; then
		# It may be there and not be loaded.
		echo unknown
	elif zcat /proc/config.gz | grep -q "^$2=[ym]"; then
		echo yes
	else
		echo no
	fi
}
answers() { curl --silent --fail --output /dev/null --max-time 2 "http://$1:8080/"; }
list() { tr '\n' ',' | sed 's/,$//'; }

virtual=/tmp/virtual-no
while :; do
	# The tasks themselves; the name alone is the virtual IP, where there is one.
	sees=$(getent ahostsv4 "tasks.$SERVICE" | cut -d ' ' -f 1 | sort -u)
	for address in $sees; do
		{ ! answers "$address" || echo "$address"; } &
	done >/tmp/reaches
	{ ! answers "$SERVICE" || touch /tmp/virtual-yes; } &
	wait
	[ ! -e /tmp/virtual-yes ] || virtual=/tmp/virtual-yes
	echo "ipvs=$(kernel ip_vs CONFIG_IP_VS) esp=$(kernel esp4 CONFIG_INET_ESP)" \
		"sees=$(echo "$sees" | list) reaches=$(sort /tmp/reaches | list) virtual=${virtual#/tmp/virtual-}"
	sleep 1
done
