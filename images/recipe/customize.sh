#!/bin/sh
# customize.sh ROOT: inside mmdebstrap, as (mapped) root, after the packages and the guest's files are in.
set -eu
r=$1
# modes that the guest's tar does not carry
chmod 755 "$r/usr/sbin/init" "$r/usr/local/bin/audit-stream" "$r/usr/lib/burnbag/mount-work" "$r/usr/lib/burnbag/lease" "$r/usr/lib/burnbag/start" "$r/usr/lib/burnbag/login"
chmod 750 "$r/usr/local/sbin/audit-out"
chmod 640 "$r/etc/audit/plugins.d/burnbag.conf" "$r/etc/audit/audit.rules" "$r/etc/audit/auditd.conf"
chmod 600 "$r/etc/ssh/sshd_config"

# users: fixed ids, no password; the two that may log in have their forced program as login shell, so no shell and no rc file ever runs for them
user() { echo "$1:x:$2:$2::/:$3" >>"$r/etc/passwd"; echo "$1:x:$2:" >>"$r/etc/group"; echo "$1:*:20000::::::" >>"$r/etc/shadow"; }
user agent-runner 2000 /usr/local/bin/agent-exec
user audit-reader 2001 /usr/local/bin/audit-stream
user detonate 2002 /usr/sbin/nologin
user logins 2003 /usr/sbin/nologin   # as whom sshd asks who may log in
echo 'logs:x:2010:agent-runner,audit-reader' >>"$r/etc/group"   # may write to /dev/log: sshd's unprivileged half does

# tools for scripts
"$r/usr/bin/busybox" --list >"$r/tmp/known"
while read -r applet; do
  grep -qx "$applet" "$r/tmp/known" || { echo "expected busybox to know the applet $applet, it does not" >&2; exit 1; }
  ln -s ../../bin/busybox "$r/usr/local/bin/$applet"
done <"$r/tmp/applets"
rm "$r/tmp/known" "$r/tmp/applets" "$r/tmp/customize.sh"

# what must not be in a shared image: host keys made by post-install scripts, facts of the building machine, logs, the package manager and its state
rm -rf "$r"/etc/ssh/ssh_host_* "$r/etc/ssh/sshd_config.d" "$r/etc/ssh/moduli" "$r/etc/resolv.conf" "$r/etc/dpkg" \
  "$r/var/lib/dpkg" "$r/var/lib/apt" "$r"/var/cache/* "$r"/var/log/* "$r"/boot/* \
  "$r"/etc/passwd- "$r"/etc/group- "$r"/etc/shadow- "$r"/etc/gshadow- "$r/etc/.pwd.lock" "$r/var/lib/systemd" \
  "$r/usr/lib/apt" "$r/usr/lib/dpkg" "$r/usr/libexec/dpkg" "$r/usr/share/dpkg" "$r"/usr/share/keyrings/* \
  "$r"/usr/bin/dpkg* "$r"/usr/sbin/dpkg-* "$r"/usr/bin/apt* "$r/usr/bin/update-alternatives" "$r/usr/sbin/start-stop-daemon"
find "$r/etc/apt" -type f ! -name 00mmdebstrap -delete   # that one mmdebstrap takes back itself
# what nothing starts here: there is no service manager, no cron and no PAM
rm -rf "$r/etc/audit/rules.d" "$r"/etc/rc?.d "$r/etc/init.d" "$r/etc/sv" "$r/etc/runit" "$r/etc/systemd" "$r/usr/lib/systemd" "$r"/etc/cron.* "$r/etc/logrotate.d"
: >"$r/etc/machine-id"
echo sandbox >"$r/etc/hostname"
mkdir -p "$r/work"

# no set-uid program is needed by anyone
find "$r" -xdev -perm /6000 -type f -exec chmod ug-s {} +
