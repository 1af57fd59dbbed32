#!/bin/sh
# Builds the image with docker, podman or buildah, whichever is here: no daemon is needed.
#
#   sh deploy/image.sh [name of the image]        (make image IMAGE=…)
#
# BASE=<image>   another base than the pinned one of the Dockerfile
# BASE=debian    one that is made here from Debian's packages (mmdebstrap, as root): for a machine
#                that reaches Debian's and Python's packages and no registry of images
# COMPILED=no    without machine code for the hot modules
set -eu

name=${1:-accord:local}
base=${BASE:-}
suite=${SUITE:-bookworm}

for builder in docker podman buildah none; do
    case $builder in
    docker) docker version >/dev/null 2>&1 && break ;;
    none) echo "image: none of docker (with its daemon), podman, buildah is here" >&2; exit 1 ;;
    *) command -v "$builder" >/dev/null && break ;;
    esac
done

# buildah's own defaults need an overlay file system and namespaces: not there in every container.
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs} BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}

make_base() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    echo "image: making a base from the packages of Debian $suite" >&2
    # As the official image has it: `python`, pip that installs, certificates that are trusted here.
    cat >"$work/python.sh" <<'HOOK'
set -eu
rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED
ln -sf python3 "$1/usr/bin/python"
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    mkdir -p "$1/etc/ssl/certs"
    cp -L /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
fi
HOOK
    mmdebstrap --quiet --variant=minbase --mode=root \
        --include=ca-certificates,python3,python3-pip,python3-venv,python3-dev \
        --dpkgopt=path-exclude='/usr/share/doc/*' --dpkgopt=path-exclude='/usr/share/man/*' \
        --customize-hook="sh $work/python.sh \"\$1\"" \
        "$suite" "$work/base.tar"
    if [ "$builder" = buildah ]; then
        container=$(buildah from scratch)
        buildah add --quiet "$container" "$work/base.tar" / >/dev/null
        buildah commit --quiet "$container" "accord-base:$suite" >/dev/null
        buildah rm "$container" >/dev/null
    else
        "$builder" import "$work/base.tar" "accord-base:$suite" >/dev/null
    fi
    base=localhost/accord-base:$suite
    [ "$builder" = docker ] && base=accord-base:$suite
    return 0
}

if [ "$base" = debian ]; then make_base; fi
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
set -- --build-arg COMPILED="${COMPILED:-yes}" --build-arg REVISION="$revision"
# The other format of images knows no health check; steps that are built already are kept.
if [ "$builder" != docker ]; then set -- "$@" --format docker --layers; fi
if [ -n "$base" ]; then set -- "$@" --build-arg BASE="$base"; fi
echo "image: $builder builds $name${base:+ on $base}" >&2
"$builder" build "$@" -f deploy/Dockerfile -t "$name" .
