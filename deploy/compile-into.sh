#!/bin/sh
# Compiles the hot modules (compile.sh) and puts the machine code beside the sources that are
# installed for a Python: for an image, where nobody edits them. Brings the compiler where apt can.
#
#   sh deploy/compile-into.sh <python that compiles> <python that they are installed for>
set -eu

python=$1
target=$2

if ! command -v cc >/dev/null; then
    apt-get update -q
    apt-get install -q -y --no-install-recommends gcc libc6-dev
fi
made=$(mktemp -d)
sh deploy/compile.sh "$python" "$made"
installed=$("$target" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
suffix=$("$target" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
cd "$made"
find . -name "*$suffix" | while read -r module; do
    strip --strip-unneeded "$module"
    mkdir -p "$installed/$(dirname "$module")"
    cp "$module" "$installed/$module"
done
cd /
rm -rf "$made"
echo "compiled: $(find "$installed/services" "$installed/shared" -name "*$suffix" | wc -l) modules" >&2
"$target" -P -c 'import shared.domain.fold as own; assert own.__file__.endswith(".so"), own.__file__'
