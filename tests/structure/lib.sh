# SPDX-License-Identifier: MIT
#
# lib.sh - what the structural tests share: TAP from the shell. Sourced; srcdir, builddir and the tools' names come from
# the Makefile (tests/local.mk), with defaults for a run by hand.

srcdir=${srcdir:-.}
builddir=${builddir:-build}
CC=${CC:-cc}
CXX=${CXX:-c++}
NM=${NM:-nm}
AWK=${AWK:-awk}
LC_ALL=C
export LC_ALL

scratch=$(mktemp -d "${TMPDIR:-/tmp}/picot-structure.XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
count=0
failed=0

# judge NAME FILE: the case passes when FILE, the list of complaints, is empty.
judge()
{
    count=$((count + 1))
    if [ -s "$2" ]; then
        failed=$((failed + 1))
        echo "not ok $count - $1"
        sed 's/^/# /' "$2"
    else
        echo "ok $count - $1"
    fi
}

skip()
{
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}

finish()
{
    echo "1..$count"
    [ "$failed" = 0 ]
}

public_headers()
{
    (cd "$srcdir/include" && ls picot.h picot/*.h)
}

# The words that a header's PICOT_API marks: names of functions and objects. Arguments: headers.
exported_names()
{
    for header in "$@"; do echo "#include <$header>"; done >"$scratch/exported.c"
    # shellcheck disable=SC2086
    $CC -std=gnu11 -E -P -I"$srcdir/include" "$scratch/exported.c" |
        tr '\n' ' ' | sed 's/__attribute__((visibility("default")))/\n@/g' |
        sed -n 's/^@\([^(;=]*\).*/\1/p' | sed 's/[][ *]*$//; s/.*[ *]//' | sort -u
}
