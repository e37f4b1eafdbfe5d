#!/bin/sh
# harness/get_pytest.sh: prints the Python that has pytest, and gets pytest first where it is missing.
#
#     PYTHON=python3 sh harness/get_pytest.sh build
#
# In this order: a pytest that can be imported (by $PYTHON, or by the system's own Python, for which Debian's package is);
# a virtual environment in build/venv; Debian's package, when we may install one; else one line that says what to do.
build=${1:-build}
python=${PYTHON:-python3}
venv=$build/venv/bin/python

has_pytest() {
	"$1" -c 'import sys, pytest; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1
}

for candidate in "$python" /usr/bin/python3 "$venv"; do
	if has_pytest "$candidate"; then
		echo "$candidate"
		exit 0
	fi
done

echo "pytest is not here: trying a virtual environment in $build/venv" >&2
rm -rf "$build/venv"
if "$python" -m venv "$build/venv" >/dev/null 2>&1 &&
	"$venv" -m pip install --quiet --disable-pip-version-check --timeout 10 --retries 1 pytest >/dev/null 2>&1 &&
	has_pytest "$venv"; then
	echo "$venv"
	exit 0
fi
rm -rf "$build/venv"

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "that did not work: trying Debian's python3-pytest" >&2
	install='apt-get install -y -q --no-install-recommends python3-pytest'
	export DEBIAN_FRONTEND=noninteractive
	if { $install || { apt-get update -q && $install; }; } >/dev/null 2>&1 && has_pytest /usr/bin/python3; then
		echo /usr/bin/python3
		exit 0
	fi
fi

echo "grading and testing need pytest: install the package python3-pytest (Debian, Ubuntu), or: $python -m pip install pytest" >&2
exit 1
