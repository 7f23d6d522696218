#!/bin/sh
# boot.sh IMAGE BASE WORDS WORK: what starts the sandbox image on EC2 -> WORK/{boot.img,core.img,esp.img}.
# IMAGE has bzImage and initrd.img, BASE kernel.deb; WORDS is the kernel command line. No root: nothing is mounted and nothing installed;
# GRUB and mtools are this machine's own packages, fetched and unpacked beside BASE once.
set -eu
umask 022
image=$1 base=$2 words=$3 work=$4
export SOURCE_DATE_EPOCH=1735689600 LC_ALL=C TZ=UTC MTOOLS_SKIP_CHECK=1
tools=$base/boot-tools
if [ ! -d "$tools" ]; then
  echo 'step: boot loader' >&2
  # Several may come at once: each unpacks for itself, the first to be done wins.
  new=$(mktemp -d "$tools.XXXXXX"); mkdir "$new/debs"
  (cd "$new/debs" && apt-get -qq -o APT::Sandbox::User=root download grub-common grub-pc-bin grub-efi-amd64-bin mtools)
  for deb in "$new"/debs/*.deb; do dpkg-deb -x "$deb" "$new"; done
  rm -r "$new/debs"; mv -T "$new" "$tools" 2>/dev/null || rm -rf "$new"
  [ -d "$tools" ]
fi
export PATH="$tools/usr/bin:$PATH"

# EC2's network card. (Its disks, NVMe, are in the kernel.) A second cpio archive behind the first: its files win.
release=$(cpio -t --quiet <"$image/initrd.img" | sed -n 's,^lib/modules/\([^/]*\)$,\1,p')
extra=$work/extra/lib/modules/$release
mkdir -p "$extra"
(cd "$work" && cpio -i --quiet --to-stdout "lib/modules/$release/order" <"$image/initrd.img") >"$extra/order"
echo ena >>"$extra/order"
sed 's/$/.ko:/' "$extra/order" >"$extra/modules.dep"
dpkg-deb --fsys-tarfile "$base/kernel.deb" | tar x -C "$work" --wildcards '*/ena.ko.xz'
xz -dc "$(find "$work" -name ena.ko.xz)" >"$extra/ena.ko"
find "$work/extra" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
(cd "$work/extra" && find . | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) | cat "$image/initrd.img" - >"$work/initrd.img"

# One configuration for both kinds of firmware, inside the loaders: there is no menu and nothing to choose.
cat >"$work/grub.cfg" <<END
search --no-floppy --label BURNBAG --set=root
linux /vmlinuz $words
initrd /initrd.img
boot
END
modules='part_gpt fat search search_label linux'
grub-mkimage -O i386-pc -d "$tools/usr/lib/grub/i386-pc" -p / -c "$work/grub.cfg" -o "$work/core.img" biosdisk $modules
grub-mkimage -O x86_64-efi -d "$tools/usr/lib/grub/x86_64-efi" -p / -c "$work/grub.cfg" -o "$work/bootx64.efi" $modules
cp "$tools/usr/lib/grub/i386-pc/boot.img" "$work/boot.img"

# The partition both read from: FAT, as UEFI has it. Times and serial are fixed, so the same input gives the same bytes.
truncate -s 48M "$work/esp.img"
mformat -i "$work/esp.img" -F -N 42554247 -v BURNBAG ::
mmd -i "$work/esp.img" ::/EFI ::/EFI/BOOT
touch -d "@$SOURCE_DATE_EPOCH" "$work/bootx64.efi" "$work/initrd.img"
mcopy -m -i "$work/esp.img" "$work/bootx64.efi" ::/EFI/BOOT/BOOTX64.EFI
mcopy -m -i "$work/esp.img" "$image/bzImage" ::/vmlinuz
mcopy -m -i "$work/esp.img" "$work/initrd.img" ::/initrd.img
