#!/bin/sh
# The packages with their hot modules compiled by mypyc, in a folder of its own, so that no stale
# machine code can hide an edited source. Run with it by PYTHONPATH=<folder>.
#
#   sh deploy/compile.sh <python> <folder>
#
# Needs a C compiler and the headers of that Python; without them everything runs as it is.
set -eu

python=$1
folder=$2

# Classes that msgspec reads by their annotations are in no module of these: compiled, they lose
# what is more than a name (`Instant | None` of a contribution), and nothing stored is read.
modules="
    shared/domain/instant.py shared/domain/canonical.py shared/domain/window.py
    shared/domain/matcher.py shared/domain/event.py shared/domain/business_calendar.py
    shared/domain/measure.py shared/domain/agreement.py shared/domain/milestone.py
    shared/domain/plan.py shared/domain/clock.py
    shared/domain/clock_reading.py shared/domain/cycle.py shared/domain/tally.py
    shared/domain/fold.py shared/domain/item.py shared/domain/history.py
    shared/wire/timeline.py shared/wire/cloudevents.py
    services/evaluator/posting.py services/evaluator/fold.py
    services/evaluator/placing.py services/evaluator/partition.py
    services/evaluator/breaches.py
"

if ! "$python" -c 'import setuptools, mypyc' 2>/dev/null; then
    echo "compile: $python has no mypyc or setuptools; install mypy and setuptools" >&2
    exit 1
fi
rm -rf "$folder"
mkdir -p "$folder/deploy"
cp -R services shared "$folder/"
cp -R deploy/migrations "$folder/deploy/"
printf '[mypy]\nignore_missing_imports = true\n' >"$folder/mypy.ini"
find "$folder" -name __pycache__ -type d -prune -exec rm -rf {} +
cd "$folder"
echo "compile: $(echo $modules | wc -w) modules (about a minute)" >&2
# shellcheck disable=SC2086 # a list of names
if ! "$python" -m mypyc $modules >compile.log 2>&1; then
    tail -20 compile.log >&2
    exit 1
fi
rm -rf build .mypy_cache mypy.ini
