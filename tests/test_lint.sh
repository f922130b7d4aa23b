#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_lint.sh - picot-lint reports each seeded bug of tests/lint at its line and nothing else, nothing at all in clean.c,
# tells apart its exit statuses, and finds nothing in the coroutines of this tree.
#
# A line that must be reported carries `/* LINT: text */`; text is a part of the message.
. "$(dirname "$0")/structure/lib.sh"

lint="$srcdir/tools/picot-lint"
clang=${CLANG:-clang}
command -v python3 >/dev/null 2>&1 || { echo "1..0 # SKIP python3 is not installed"; exit 0; }
"$lint" --list-rules >/dev/null 2>&1 || { echo "1..0 # SKIP python3 is too old"; exit 0; }
command -v "$clang" >/dev/null 2>&1 || { echo "1..0 # SKIP clang is not installed"; exit 0; }

flags="-std=gnu11 -D_GNU_SOURCE -I$srcdir/include -I$srcdir/tests -I$srcdir -I$builddir"
[ -f "$builddir/config.h" ] && flags="$flags -include $builddir/config.h"

# run_lint FILE... : leaves the findings in $scratch/found, messages in $scratch/errors and the status in $status.
run_lint()
{
    # shellcheck disable=SC2086
    "$lint" --clang="$clang" "$@" -- $flags >"$scratch/found" 2>"$scratch/errors"
    status=$?
}

# One line for each mark without its finding, and for each finding without its mark.
compare()
{
    for file in "$@"; do
        sed -n '/LINT: .*\*\// { s|.*/\* LINT: \(.*\) \*/.*|\1|; =; p; }' "$file" | while read -r line && read -r text; do
            printf '%s:%s\t%s\n' "$file" "$line" "$text"
        done
    done >"$scratch/wanted"
    $AWK '
        NR == FNR {
            place = substr($0, 1, index($0, ": ") - 1)
            message[++found] = substr($0, index($0, ": ") + 2)
            at[found] = place
            next
        }
        {
            split($0, part, "\t")
            hit = 0
            for (i = 1; i <= found; i++)
                if (at[i] == part[1] && index(message[i], part[2])) { matched[i] = hit = 1 }
            if (!hit) print part[1] ": not reported: " part[2]
        }
        END { for (i = 1; i <= found; i++) if (!matched[i]) print at[i] ": reported wrongly: " message[i] }
    ' "$scratch/found" "$scratch/wanted"
    cat "$scratch/errors"
}

seeded=0
for file in "$srcdir"/tests/lint/*.c; do
    name=$(basename "$file")
    [ "$name" != clean.c ] || continue
    run_lint "$file"
    files=$file
    [ "$name" = across_macros.c ] && files="$file $srcdir/tests/lint/body_in_header.h"
    # shellcheck disable=SC2086
    { compare $files; [ "$status" = 1 ] || echo "status $status"; } >"$scratch/out" 2>&1
    seeded=$((seeded + $(wc -l <"$scratch/wanted")))
    judge "seeded bugs in $name" "$scratch/out"
done
[ "$seeded" -ge 80 ] && : >"$scratch/out" || echo "only $seeded" >"$scratch/out"
judge "at least 80 seeded bugs" "$scratch/out"

run_lint "$srcdir/tests/lint/clean.c"
{ cat "$scratch/found" "$scratch/errors"; [ "$status" = 0 ] || echo "status $status"; } >"$scratch/out"
judge "nothing in clean.c" "$scratch/out"

# Many files in one run, a rule disabled.
run_lint --disable=static-local --gnu-only "$srcdir/tests/lint/clean.c" "$srcdir/tests/lint/other_rules.c"
{ [ "$status" = 1 ] || echo "status $status"; grep -E 'static-local|nested-switch' "$scratch/found"; } >"$scratch/out"
judge "disabled rules are quiet" "$scratch/out"

# ---- when it cannot work ---------------------------------------------------------------------------------------------

# expect_trouble NAME REGEX: the last run ended with 2, a message, and no Python traceback.
expect_trouble()
{
    {
        [ "$status" = 2 ] || echo "status $status"
        grep -q "$2" "$scratch/errors" || { echo "no message like: $2"; cat "$scratch/errors"; }
        grep Traceback "$scratch/errors"
    } >"$scratch/out"
    judge "$1" "$scratch/out"
}

printf '#include <picot.h>\nint broken(\n' >"$scratch/broken.c"
run_lint "$scratch/broken.c"
expect_trouble "a file that does not compile" 'broken.c: the file does not compile'
printf '#include <no/such/header.h>\n' >"$scratch/missing.c"
run_lint "$scratch/missing.c"
expect_trouble "a header that is missing" 'does not compile'
run_lint "$scratch/absent.c"
expect_trouble "a file that does not exist" 'absent.c: no such file'
"$lint" --clang=no-such-clang "$srcdir/tests/lint/clean.c" >"$scratch/found" 2>"$scratch/errors"
status=$?
expect_trouble "a clang that does not exist" 'no-such-clang not found: install clang'
"$lint" >"$scratch/found" 2>"$scratch/errors"
status=$?
expect_trouble "no file given" 'no file given'
"$lint" --frobnicate x.c >"$scratch/found" 2>"$scratch/errors"
status=$?
expect_trouble "an unknown option" "unknown option '--frobnicate'"
"$lint" --disable=frob x.c >"$scratch/found" 2>"$scratch/errors"
status=$?
expect_trouble "an unknown rule" "unknown rule 'frob'"
"$lint" --help >"$scratch/found" 2>"$scratch/errors"
{ grep -q '^SYNOPSIS' "$scratch/found" || echo "no synopsis"; cat "$scratch/errors"; } >"$scratch/out"
judge "--help" "$scratch/out"

# ---- the coroutines of this tree ----------------------------------------------------------------------------------------

# Minutes, and the same in every build: once is enough.
if [ -n "${TAP_QUICK:-}" ]; then
    skip "nothing in the coroutines of this tree" "TAP_QUICK"
    finish
    exit
fi

tree_flags=$flags
for package in libxml-2.0 liburiparser zlib glib-2.0; do
    tree_flags="$tree_flags $(${PKG_CONFIG:-pkg-config} --cflags "$package" 2>/dev/null)"
done
files=$(cd "$srcdir" && find coro net examples bench tests -name '*.c' ! -path 'tests/lint/*' ! -path 'tests/compile/*' \
    -exec grep -lE '^ *(picot|async)_begin;' {} + | sort)

# As many at a time as there are processors; each leaves its findings, messages and status in files of its own.
processors=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
export lint clang srcdir scratch tree_flags
# shellcheck disable=SC2016
printf '%s\n' $files | xargs -n 1 -P "$processors" sh -c '
    out=$scratch/$(printf %s "$1" | tr / .)
    "$lint" --clang="$clang" "$srcdir/$1" -- $tree_flags "-I$(dirname "$srcdir/$1")" >"$out.found" 2>"$out.errors"
    echo $? >"$out.status"' sh
for file in $files; do
    out=$scratch/$(printf %s "$file" | tr / .)
    status=$(cat "$out.status")
    if [ "$status" = 2 ] && grep -q 'file not found' "$out.errors"; then
        skip "nothing in $file" "$(sed -n "s/.*'\(.*\)' file not found.*/\1 is not installed/p" "$out.errors" | head -n 1)"
        continue
    fi
    { cat "$out.found" "$out.errors"; [ "$status" = 0 ] || echo "status $status"; } >"$scratch/out"
    judge "nothing in $file" "$scratch/out"
done

finish
