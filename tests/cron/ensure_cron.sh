#!/bin/sh
# Makes Debian's cron available to the tests where that is possible. It says what it did and never fails: the tests that
# need cron skip, with the reason, where there is none.
set -u

if command -v crontab >/dev/null && PATH="$PATH:/usr/sbin" command -v cron >/dev/null; then
    echo "cron: present"
elif [ "$(id -u)" -ne 0 ]; then
    echo "cron: missing, and only root can install it; the tests under the real cron will be skipped"
elif ! command -v apt-get >/dev/null; then
    echo "cron: missing, and this system has no apt-get; the tests under the real cron will be skipped"
elif apt-get update -qq >/dev/null 2>&1 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends cron >/dev/null 2>&1; then
    echo "cron: installed"
else
    echo "cron: missing, and apt-get could not install it; the tests under the real cron will be skipped"
fi
exit 0
