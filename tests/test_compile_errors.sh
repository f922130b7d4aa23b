#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_compile_errors.sh - each misuse of the coroutine macros in tests/compile fails to compile, in both forms and with
# each compiler, with a message that points at the user's line; and a program that uses them well compiles without any.
#
# The line of a misuse carries `/* ERROR: regex */`. The regex must match a line with `error:`, and the compiler must name
# one of the marked lines in an error or in the note that tells where a macro was used.
. "$(dirname "$0")/structure/lib.sh"

compilers=
for compiler in gcc clang; do
    command -v $compiler >/dev/null 2>&1 && compilers="$compilers $compiler"
done
[ -n "$compilers" ] || { echo "1..0 # SKIP neither gcc nor clang is installed"; exit 0; }
flags="-D_GNU_SOURCE -I$srcdir/include"

# misuse FILE COMPILER STANDARD: what is wrong with the compiler's answer, or nothing.
misuse()
{
    # shellcheck disable=SC2086
    if $2 -std="$3" $flags -fsyntax-only "$1" >"$scratch/messages" 2>&1; then
        echo "it compiles"
        cat "$scratch/messages"
        return
    fi
    named=no
    for line in $(grep -n 'ERROR: ' "$1" | cut -d: -f1); do
        grep -Eq "$(basename "$1"):$line:[0-9]+: (error|note)" "$scratch/messages" && named=yes
    done
    [ $named = yes ] || { echo "no message at the marked line"; cat "$scratch/messages"; }
    regex=$(sed -n 's|.*/\* ERROR: \(.*\) \*/.*|\1|p' "$1" | head -n 1)
    grep 'error:' "$scratch/messages" | grep -Eq "$regex" || { echo "no error like: $regex"; cat "$scratch/messages"; }
}

for file in "$srcdir"/tests/compile/*.c; do
    [ "$(basename "$file")" != good.c ] || continue
    name=$(sed -n '3s/^ \* \(.*\)\.$/\1/p' "$file")
    for compiler in $compilers; do
        for standard in gnu11 c11; do
            misuse "$file" "$compiler" $standard >"$scratch/out"
            judge "$name: $compiler, $standard" "$scratch/out"
        done
    done
done

for compiler in $compilers; do
    for standard in gnu11 gnu17 c11; do
        for level in -O0 -O2; do
            # shellcheck disable=SC2086
            $compiler -std=$standard $level $flags -Wall -Wextra -Wshadow -Wpedantic -Werror -c \
                "$srcdir/tests/compile/good.c" -o "$scratch/good.o" >"$scratch/out" 2>&1 && : >"$scratch/out"
            judge "good.c: $compiler, $standard, $level" "$scratch/out"
        done
    done
done

finish
