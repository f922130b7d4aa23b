#!/bin/sh
# SPDX-License-Identifier: MIT
#
# size.sh - each room fits in the head: no function of the library over 70 lines, no file over 500, no line over 120
# columns. A function is what stands between a { and a } in the first column.
. "$(dirname "$0")/lib.sh"

files()
{
    (cd "$srcdir" && find include loop coro net -name '*.[ch]' | sort)
}

files | while read -r file; do
    lines=$(wc -l <"$srcdir/$file")
    [ "$lines" -le 500 ] || echo "$file: $lines lines"
done >"$scratch/out"
judge "no file over 500 lines" "$scratch/out"

files | while read -r file; do
    $AWK -v file="$file" '
        /^{/ { start = NR; name = before }
        /^}/ && start { if (NR - start + 1 > 70) print file ":" start ": " NR - start + 1 " lines: " name; start = 0 }
        { before = $0 }' "$srcdir/$file"
done >"$scratch/out"
judge "no function over 70 lines" "$scratch/out"

files | while read -r file; do
    $AWK -v file="$file" 'length($0) > 120 { print file ":" NR ": " length($0) " columns" }
        /[ \t]$/ { print file ":" NR ": white space at the end" }
        /\t/ { print file ":" NR ": a tab" }' "$srcdir/$file"
done >"$scratch/out"
judge "no overlong line, tab or white space at the end" "$scratch/out"

files | while read -r file; do
    $AWK -v file="$file" 'NR == 1 && $0 !~ /^\/\* SPDX-License-Identifier: MIT/ { print file ": no SPDX line" }
        NR == 3 && $0 !~ /^ \* [a-z0-9_.]+ - / { print file ": the first comment does not tell the purpose" }' "$srcdir/$file"
done >"$scratch/out"
judge "each file begins with its licence and its purpose" "$scratch/out"

finish
