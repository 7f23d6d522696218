#!/bin/sh
# root.sh BASE AGENT OUT: BASE's files and the executor -> OUT/{vmlinux,bzImage,initrd.img,packages.txt,root.img}.
# The root image is read-only and made straight from a tar: owners and device nodes need no root.
set -eu
umask 022
base=$1 agent=$2 out=$3
export SOURCE_DATE_EPOCH=1735689600 LC_ALL=C TZ=UTC
cp "$base/vmlinux" "$base/bzImage" "$base/initrd.img" "$base/packages.txt" "$base/root.tar" "$out/"
tar r -f "$out/root.tar" -P --owner=root:0 --group=root:0 --mode=755 --mtime="@$SOURCE_DATE_EPOCH" \
  --transform='s,.*,./usr/local/bin/agent-exec,' "$agent"
# sqfstar gives the root folder to whoever runs it (its -root-uid does nothing), and sshd trusts no path below a folder of somebody else's.
[ "$(id -u)" = 0 ] && as_root= || as_root='unshare --map-root-user'
# lz4: under emulation inflating costs more than reading, and the executor's first start reads much.
# Left out: what mmdebstrap itself leaves of the package manager (`tar --delete` would damage an archive of unlucky length).
$as_root sqfstar -quiet -no-progress -root-uid 0 -root-gid 0 -root-mode 755 -comp lz4 "$out/root.img" etc/apt var/lib/apt var/cache/apt <"$out/root.tar"
rm "$out/root.tar"
chmod 755 "$out"
