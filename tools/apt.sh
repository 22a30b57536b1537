#!/usr/bin/env bash
# tools/apt.sh PACKAGE...: installs the Debian packages that are missing, and does nothing when none is.
set -euo pipefail

if ! command -v apt-get >/dev/null; then
  echo "这里没有apt，请自行安装与这些Debian软件包相当的软件：$*" >&2
  exit 0
fi

missing=()
for package in "$@"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

echo "安装系统软件包：${missing[*]}"
root=()
((EUID == 0)) || root=(sudo)
# nobody sits at the terminal of a CI machine; chromium's recommended packages alone would be a printer's driver
apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
install=("${apt[@]}" install --yes --no-install-recommends)
"${apt[@]}" update

if [[ " ${missing[*]} " == *" postgresql "* ]]; then
  # Debian starts a cluster of its own on installation; tests make theirs, so it would only take a port
  "${install[@]}" postgresql-common
  "${root[@]}" sed -i -E 's/^#? *create_main_cluster *=.*/create_main_cluster = false/' \
    /etc/postgresql-common/createcluster.conf
fi
"${install[@]}" "${missing[@]}"
