#!/bin/sh
# kernel.sh WORK: WORK/{kernel.deb,root.tar} -> WORK/{bzImage,initrd.img}.
# The initrd is busybox, one script and the modules in load order; uncompressed, since inflating it under emulation costs more than loading it.
set -eu
umask 022
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd); work=$1
export LC_ALL=C TZ=UTC
kernel=$work/kernel initrd=$work/initrd
rm -rf "$kernel" "$initrd"
mkdir -p "$kernel" "$initrd/bin" "$initrd/dev" "$initrd/proc" "$initrd/sys" "$initrd/root"
dpkg-deb --fsys-tarfile "$work/kernel.deb" | tar x -C "$kernel"
cp "$kernel"/boot/vmlinuz-* "$work/bzImage"

tar x -C "$initrd" -f "$work/root.tar" --transform='s,^./usr/,,' ./usr/bin/busybox
ln -s busybox "$initrd/bin/sh"
install -m755 "$here/initrd-init" "$initrd/init"
release=$(ls "$kernel"/usr/lib/modules "$kernel"/lib/modules 2>/dev/null | grep '^[0-9]' | head -n1)
modules=$initrd/lib/modules/$release
mkdir -p "$modules"
sed 's/#.*//; s/ *$//; /^$/d' "$here/modules" >"$modules/order"
while read -r module; do
  echo "$module.ko:" >>"$modules/modules.dep"   # the list is in load order, so modprobe needs to work nothing out
  file=$(find "$kernel" -name "$module.ko*" | head -n1)
  case $file in
    *.xz) xz -dc "$file" >"$modules/$module.ko" ;;
    *.ko) cp "$file" "$modules/$module.ko" ;;
    *) echo "expected kernel module $module in the kernel package, found none" >&2; exit 1 ;;
  esac
done <"$modules/order"
find "$initrd" -exec touch -h -d @1735689600 {} +
(cd "$initrd" && find . | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) >"$work/initrd.img"
rm -rf "$kernel" "$initrd"
