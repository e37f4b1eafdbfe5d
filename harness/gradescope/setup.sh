#!/usr/bin/env bash
# harness/gradescope/setup.sh: what Gradescope runs once, while it makes the image: installs what grading needs, builds the tracer.
#
#     AUTOGRADER_ROOT=somewhere ./setup.sh         anywhere else than in /autograder, to try it
set -eu
root=${AUTOGRADER_ROOT:-/autograder}

missing=
for package in gcc make libc6-dev binutils python3 python3-pytest bubblewrap; do
	dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q
	# shellcheck disable=SC2086 # a list of words
	apt-get install -y -q --no-install-recommends $missing
fi

make -C "$root/source/fdlab" build
