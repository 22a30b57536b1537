#!/usr/bin/env bash
# tools/venv.sh FILE    installs a requirements file into .venv, every version as in constraints.txt
# tools/venv.sh --lock  resolves the requirements anew and writes constraints.txt
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian's own, which tools/apt.sh has installed and which is built with every optimisation; another one that is called first here
# may take a third longer for the same
python=python3
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
if [[ -x /usr/bin/python3 ]] && /usr/bin/python3 -c "$new_enough"; then python=/usr/bin/python3; fi

install() { # FOLDER ARGUMENTS...
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "${@:2}"
}

if [[ $1 == --lock ]]; then
  fresh=$(mktemp -d)
  trap 'rm -rf "$fresh"' EXIT
  echo "在空环境里解析requirements-dev.txt，写出constraints.txt"
  "$python" -m venv "$fresh"
  install "$fresh" -r requirements-dev.txt
  {
    echo "# Every package of the tested set, direct and transitive; \`make lock\` writes it, tools/venv.sh obeys it."
    "$fresh/bin/python" -m pip freeze --disable-pip-version-check
  } >constraints.txt
  exit
fi

file=$1
stamp=.venv/.${file%.txt}
# the second time costs one digest: the pins, the interpreter, the place
digest=$({ cat requirements*.txt constraints.txt; "$python" --version; pwd; } | sha256sum)
if [[ -e $stamp && $(<"$stamp") == "$digest" ]]; then exit 0; fi

if ! "$python" -c "$new_enough"; then
  echo "需要Python 3.11或更新，这里是$("$python" --version)" >&2
  exit 1
fi
whose='import pip, sys; print(sys.version, sys.base_prefix)'
if [[ $(.venv/bin/python -c "$whose" 2>/dev/null) != $("$python" -c "${whose/pip, /}") ]]; then # none yet, or of another Python
  rm -rf .venv
  "$python" -m venv .venv
fi
echo "安装Python软件包：$file（第一次要一两分钟）"
install .venv -r "$file" -c constraints.txt
echo "$digest" >"$stamp"
# the development set contains the other
if [[ $file == requirements-dev.txt ]]; then cp "$stamp" .venv/.requirements; fi
