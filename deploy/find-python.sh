#!/bin/sh
# Prints the first Python on the path that is 3.11 or newer; PYTHON=... decides where it is set.
for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$candidate"
        exit 0
    fi
done
echo "setup: no Python 3.11 or newer on the path; install one, or name it: make PYTHON=/path/to/python3" >&2
exit 1
