#!/bin/sh
# SPDX-License-Identifier: MIT
#
# symbols.sh - what the headers mark PICOT_API, what the version map lists, and what the shared object exports are one
# and the same; and every exported name has the prefix. (A function missing from the map is silently not exported.)
. "$(dirname "$0")/lib.sh"

# names_of_map MAP: the exported names that a version script lists.
names_of_map()
{
    sed 's/#.*//' "$1" | tr -d '\t ' | $AWK '/global:/ { on = 1; next } /local:/ { on = 0 } on && /;$/ { sub(/;$/, ""); print }' |
        sort -u
}

# compare WHAT MAP LIBRARY: names of the headers are in $scratch/headers.
compare()
{
    names_of_map "$srcdir/$2" >"$scratch/map"
    diff "$scratch/headers" "$scratch/map" | sed -n 's/^< /not in the map: /p; s/^> /in no header: /p' >"$scratch/out"
    judge "$1: headers and $2 agree" "$scratch/out"
    if [ ! -f "$builddir/.libs/$3" ]; then
        skip "$1: $2 and $3 agree" "no shared library in this build"
        return
    fi
    $NM -D --defined-only "$builddir/.libs/$3" | $AWK '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
        grep -v -e '^__gcov' -e '^__asan' -e '^__odr_asan' -e '^__tsan' -e '^_init$' -e '^_fini$' | sort -u >"$scratch/so"
    diff "$scratch/map" "$scratch/so" | sed -n 's/^< /not exported: /p; s/^> /exported, not in the map: /p' >"$scratch/out"
    judge "$1: $2 and $3 agree" "$scratch/out"
    grep -v '^picot_[a-z0-9]' "$scratch/so" >"$scratch/out"
    judge "$1: every exported name begins with picot_" "$scratch/out"
}

# shellcheck disable=SC2046
exported_names $(public_headers | grep -v '^picot/http\.h$') >"$scratch/headers"
cp "$scratch/headers" "$scratch/core"
compare libpicot picot.map libpicot.so

if [ -f "$srcdir/include/picot/http.h" ]; then
    exported_names picot/http.h | comm -23 - "$scratch/core" >"$scratch/headers"
    compare libpicot-http picot-http.map libpicot-http.so
fi

finish
