#!/bin/sh
# Stands in for crontab(1): keeps the one crontab in $FAKE_CRONTAB and speaks as Debian's does. A file beside it changes
# what happens: .escape lists carriage returns as newer ones do, .noedit has no `crontab -e`, .deny refuses to read, .full refuses to write, .mangle writes something else, .race adds a line at the
# second reading.
case "$1" in
-l)
    if [ -e "$FAKE_CRONTAB.deny" ]; then
        echo "You (tester) are not allowed to use this program (crontab)" >&2
        exit 1
    fi
    if [ -e "$FAKE_CRONTAB.race" ]; then
        mv "$FAKE_CRONTAB.race" "$FAKE_CRONTAB.raced"
    elif [ -e "$FAKE_CRONTAB.raced" ]; then
        echo '5 5 * * * somebody-else' >>"$FAKE_CRONTAB"
    fi
    if [ ! -e "$FAKE_CRONTAB" ]; then
        echo "no crontab for tester" >&2
        exit 1
    fi
    if [ -e "$FAKE_CRONTAB.escape" ]; then
        sed 's/\r/\\r/g' "$FAKE_CRONTAB"
    else
        cat "$FAKE_CRONTAB"
    fi
    ;;
-e)
    if [ -e "$FAKE_CRONTAB.noedit" ]; then
        exit 1
    fi
    sh -c "$VISUAL $FAKE_CRONTAB"
    echo "No modification made" >&2
    ;;
-)
    echo write >>"$FAKE_CRONTAB.log"
    if [ -e "$FAKE_CRONTAB.full" ]; then
        cat >/dev/null
        echo "-: No space left on device" >&2
        exit 1
    fi
    cat >"$FAKE_CRONTAB"
    if [ -e "$FAKE_CRONTAB.mangle" ]; then
        echo '# mangled' >>"$FAKE_CRONTAB"
    fi
    ;;
esac
