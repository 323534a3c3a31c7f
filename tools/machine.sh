#!/bin/sh
# Makes sure that what the test suite needs is on this machine, and installs what a
# fresh one lacks: a C compiler (for the race detector and the models), curl (the
# quickstart story pastes its commands), redis-server 7.0 or later, spin, and the servers of
# PostgreSQL and MariaDB (for the outbox of SQL users).
#
# Debian and Ubuntu: apt-get, with sudo unless root. macOS: Homebrew. Elsewhere it
# says what is missing.
set -eu

# Debian keeps the databases' servers off the PATH.
have() { PATH="$PATH:/usr/sbin:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')" command -v "$1" >/dev/null 2>&1; }

fail() {
    printf 'make test: %s\n' "$*" >&2
    exit 1
}

root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        fail "installing needs root: run as root or install sudo ($*)"
    fi
}

updated=no

# install COMMAND DEBIAN-PACKAGES HOMEBREW-PACKAGES
install() {
    if have "$1"; then
        return
    fi
    if have apt-get; then
        if [ "$updated" = no ]; then
            root apt-get update -q >&2
            updated=yes
        fi
        # shellcheck disable=SC2086 # several packages
        root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $2 >&2
    elif have brew; then
        # shellcheck disable=SC2086
        brew install $3 >&2
    else
        fail "$1 is missing and neither apt-get nor brew is here to install it"
    fi
    have "$1" || fail "$1 is still missing after installing $2"
}

install cc 'gcc libc6-dev' 'gcc'
install curl 'curl ca-certificates' 'curl'
install redis-server 'redis-server' 'redis'
install spin 'spin' 'spin'
install postgres 'postgresql' 'postgresql@17'
install mariadbd 'mariadb-server-core' 'mariadb'

version=$(redis-server --version | sed -n 's/.*v=\([0-9]*\)\..*/\1/p')
[ "${version:-0}" -ge 7 ] || fail "redis-server $(redis-server --version) is too old, 7.0 or later is needed: see https://redis.io/docs/latest/operate/oss_and_stack/install/"
