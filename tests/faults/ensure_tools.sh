#!/bin/sh
# Makes the tools of the fault tests (strace, faketime) available where that is possible. It says what it did and never
# fails: the tests that need one skip, with the reason, where there is none.
set -u

missing=
for tool in strace faketime; do
    if command -v "$tool" >/dev/null; then
        echo "$tool: present"
    else
        missing="$missing $tool"
    fi
done

if [ -z "$missing" ]; then
    :
elif [ "$(id -u)" -ne 0 ]; then
    echo "missing:$missing, and only root can install them; the fault tests that need them will be skipped"
elif ! command -v apt-get >/dev/null; then
    echo "missing:$missing, and this system has no apt-get; the fault tests that need them will be skipped"
else
    apt-get update -qq >/dev/null 2>&1
    for tool in $missing; do
        if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$tool" >/dev/null 2>&1; then
            echo "$tool: installed"
        else
            echo "$tool: missing, and apt-get could not install it; the fault tests that need it will be skipped"
        fi
    done
fi
exit 0
