#!/bin/sh
# base.sh OUT: everything of the image but the executor, from Debian packages -> OUT/{root.tar,kernel.deb,packages.txt}.
# Runs as root, or as a user with a subuid range (mmdebstrap's unshare mode). No loop mounts, no device nodes on this machine.
# Package sources: MIRROR and SECURITY, else those this machine's apt uses for Debian, else mmdebstrap's own.
set -eu
umask 022
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd); out=$1
suite=trixie
export SOURCE_DATE_EPOCH=1735689600 LC_ALL=C TZ=UTC
rows() { sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$here/$1"; }
source_of() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' | sort -u | grep "$@" | head -n1; }

mirror=${MIRROR:-$(source_of -v security || :)} security=${SECURITY:-$(source_of security || :)}
set --
[ -z "$mirror" ] || [ -z "$security" ] ||
  set -- "deb $mirror $suite main" "deb $mirror $suite-updates main" "deb $security $suite-security main"
[ ! -r /usr/share/keyrings/debian-archive-keyring.gpg ] || set -- --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$@"

# The guest's files as one tar: owners and modes come from here, not from this checkout.
tar c -C "$here/../guest" --sort=name --owner=root:0 --group=root:0 --mode='u=rwX,go=rX' --mtime="@$SOURCE_DATE_EPOCH" -f "$out/guest.tar" .
rows applets >"$out/applets"

# The kernel is unpacked, never installed: no initramfs-tools, no post-install script.
options="--quiet --format=tar --variant=essential"
mmdebstrap $options --include="$(rows packages | paste -sd,)" --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/bash-completion/*' --dpkgopt='path-exclude=/usr/share/lintian/*' \
  --customize-hook='echo "step: kernel package" >&2' \
  --customize-hook='export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG; k=$(apt-cache show linux-image-cloud-amd64 | sed -n "s/^Depends: \(linux-image-[^ ,]*\).*/\1/p" | head -n1); cd "$1/tmp" && apt-get -qq -o APT::Sandbox::User=root download "$k" && mv linux-image-*.deb kernel.deb' \
  --customize-hook="copy-out /tmp/kernel.deb $out" \
  --customize-hook='rm "$1/tmp/kernel.deb"; dpkg-query --admindir="$1/var/lib/dpkg" -W -f "\${Package} \${Version}\n" >"$1/tmp/packages.txt"' \
  --customize-hook="copy-out /tmp/packages.txt $out" \
  --customize-hook='rm "$1/tmp/packages.txt"; echo "step: guest files" >&2' \
  --customize-hook="tar-in $out/guest.tar /" \
  --customize-hook="upload $here/customize.sh /tmp/customize.sh" --customize-hook="upload $out/applets /tmp/applets" \
  --customize-hook='sh "$1/tmp/customize.sh" "$1"' \
  "$suite" "$out/root.tar" "$@"
(cat "$out/packages.txt"; dpkg-deb -W "$out/kernel.deb" | tr '\t' ' ') | LC_ALL=C sort >"$out/packages.all"
mv "$out/packages.all" "$out/packages.txt"
rm "$out/guest.tar" "$out/applets"
