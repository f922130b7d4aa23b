#!/bin/sh
# SPDX-License-Identifier: MIT
#
# wings.sh - include <- loop <- coro <- net: a folder uses only what stands to its left, through <picot/...> headers, its
# own private headers aside. Checked in the sources' #include lines and in the objects' undefined symbols.
. "$(dirname "$0")/lib.sh"

# quoted_includes FOLDER: "file: header" of each #include "..." in it, the path resolved from the top folder.
quoted_includes()
{
    (cd "$srcdir" && find "$1" -name '*.[ch]' | sort | while read -r file; do
        sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$file" | while read -r header; do
            echo "$file: $(echo "$(dirname "$file")/$header" | sed -e ':a' -e 's,[^/.][^/]*/\.\./,,;ta' -e 's,/\./,/,g')"
        done
    done)
}

# public_includes FOLDER: "file: header" of each #include <picot...>.
public_includes()
{
    (cd "$srcdir" && find "$1" -name '*.[ch]' | sort | while read -r file; do
        sed -n 's/^[ \t]*#[ \t]*include[ \t]*<\(picot[^>]*\)>.*/\1/p' "$file" | sed "s,^,$file: ,"
    done)
}

for wing in loop coro net; do
    quoted_includes $wing | grep -v -e "^[^ ]*: $wing/" -e '/config\.h$' >"$scratch/out"
    judge "$wing/ includes private headers of its own only" "$scratch/out"
done
quoted_includes net | grep '^net/[^/]*\.[ch]: net/http/' >"$scratch/out"
judge "net/ includes nothing of net/http/" "$scratch/out"

coro_headers='coro|coro_macros|coro_runtime|task|group|io|file_io|short|scope|select|sync|queue|channel|broadcast|latest|generator|future|inspect|context|runner|limiter|threads|signal_wait|subprocess'
net_headers='message_io|addr|tcp|http|udp|local|stream|resolve|tls'
public_includes loop | grep -E ": picot/($coro_headers|$net_headers)\.h$|: picot\.h$" >"$scratch/out"
judge "loop/ includes no header of coroutines or of the net" "$scratch/out"
public_includes coro | grep -E ": picot/($net_headers)\.h$|: picot\.h$" >"$scratch/out"
judge "coro/ includes no header of the net" "$scratch/out"
public_includes include | grep -E "^include/picot/(base|daemon|error|executor|file|loop|message|op|process|process_pool|shared|timer|watch|extension|metrics|signal|sim|work|works)\.h: picot/($coro_headers|$net_headers)\.h$" \
    >"$scratch/out"
judge "the loop's public headers include none of coroutines or of the net" "$scratch/out"

# undefined FOLDER, defined FOLDER: private names (picot__...) of the wing's objects.
private_names()
{
    find "$builddir/$1" -name 'libpicot*.o' -path '*/.libs/*' -exec $NM "$2" {} + 2>/dev/null |
        $AWK '$NF ~ /^picot__/ { print $NF }' | sort -u
}

for wing in coro net; do
    if [ -z "$(find "$builddir/$wing" -name 'libpicot*.o' 2>/dev/null | head -n 1)" ]; then
        skip "$wing/ calls private functions of its own only" "no objects"
        continue
    fi
    private_names $wing --defined-only >"$scratch/defined"
    private_names $wing -u | comm -23 - "$scratch/defined" >"$scratch/out"
    judge "$wing/ calls private functions of its own only" "$scratch/out"
done

finish
