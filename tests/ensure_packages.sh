#!/bin/sh
# Makes the Debian programs that some tests need available where that is possible: the real cron, strace (kills batchctl
# at every write), faketime (sets its clock), Chromium with a Hangul font (looks at pages), nginx (stands in front of them), the
# sources of locales, PostgreSQL's server. It says what it did and never fails: a test whose program is missing skips, with
# the reason.
set -u

missing=""
need() { # program, package
    PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null || missing="$missing $2"
}
need cron cron
need crontab cron
need strace strace
need zsh zsh
need fish fish
need tmux tmux
need faketime faketime
need chromium chromium
need setpriv util-linux
need nginx nginx-light
need openssl openssl
need sqlite3 sqlite3
[ -d /usr/share/i18n/charmaps ] || missing="$missing locales"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
ls /usr/share/fonts/truetype/nanum/*.ttf >/dev/null 2>&1 || missing="$missing fontconfig fonts-nanum"

if [ -z "$missing" ]; then
    echo "test programs: all present"
elif [ "$(id -u)" -ne 0 ]; then
    echo "test programs: missing$missing, and only root can install them; their tests will be skipped"
elif ! command -v apt-get >/dev/null; then
    echo "test programs: missing$missing, and this system has no apt-get; their tests will be skipped"
else
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1
    # Only the programs: Debian's package would otherwise make a cluster and start a server of the machine's own.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    fi
    # Nor shall a program that is a server be started.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    for package in $missing; do
        if apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1; then
            echo "test programs: installed $package"
        else
            echo "test programs: $package could not be installed; its tests will be skipped"
        fi
    done
fi
exit 0
