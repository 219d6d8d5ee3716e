#!/bin/sh
# Makes Debian's Chromium and a Hangul font available to the tests where that is possible. It says what it did and never
# fails: the tests that need them skip, with the reason, where there is none.
set -u

hangul() {
    command -v fc-list >/dev/null && [ -n "$(fc-list :lang=ko family 2>/dev/null)" ]
}

if command -v chromium >/dev/null && hangul; then
    echo "chromium: present"
elif [ "$(id -u)" -ne 0 ]; then
    echo "chromium: it or a Hangul font is missing, and only root can install them; the tests that look at pages will be skipped"
elif ! command -v apt-get >/dev/null; then
    echo "chromium: missing, and this system has no apt-get; the tests that look at pages will be skipped"
elif apt-get update -qq >/dev/null 2>&1 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium fontconfig fonts-nanum >/dev/null 2>&1; then
    echo "chromium: installed"
else
    echo "chromium: missing, and apt-get could not install it; the tests that look at pages will be skipped"
fi
exit 0
