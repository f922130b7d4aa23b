#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples.sh - a page that shows a program of examples/ shows what is built, and says what it prints. Such a page has a
# line "The program of [examples/NAME.c](...), which prints `TEXT`:" (or ends before the comma), and behind it a block of
# C: the file from its first #include on.
. "$(dirname "$0")/lib.sh"

for page in "$srcdir"/docs/*.md; do
    line=$(grep '^The program of \[examples/[a-z0-9_]*\.c\]' "$page") || continue
    name=$(echo "$line" | sed 's,^The program of \[examples/\([a-z0-9_]*\)\.c\].*,\1,')
    sed '1,/^The program of \[/d' "$page" | sed -n '/^```c$/,/^```$/p' | sed '/^```/d' >"$scratch/page"
    sed -n '/^#include/,$p' "$srcdir/examples/$name.c" | diff - "$scratch/page" >"$scratch/out" 2>&1
    judge "docs/$(basename "$page") shows examples/$name.c" "$scratch/out"

    prints=$(echo "$line" | sed -n 's/.*, which prints `\(.*\)`:$/\1/p')
    [ -n "$prints" ] || continue
    if [ -x "$builddir/examples/$name" ]; then
        echo "$prints" >"$scratch/expected"
        "$builddir/examples/$name" 2>&1 | diff "$scratch/expected" - >"$scratch/out"
        judge "examples/$name prints what the page says" "$scratch/out"
    else
        skip "examples/$name prints what the page says" "not in this build"
    fi
done

finish
