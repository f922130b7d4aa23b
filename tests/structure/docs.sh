#!/bin/sh
# SPDX-License-Identifier: MIT
#
# docs.sh - every public function stands below a doc comment that says since when it exists. Declarations without an
# empty line between them share one comment. (coro_runtime.h and generator_runtime.h are what the
# macros expand to: not for use by hand.)
. "$(dirname "$0")/lib.sh"

for header in $(public_headers | grep -v _runtime); do
    $AWK -v file="include/$header" '
        /^[ \t]*\/\*/ { comment = ""; inside = 1 }
        inside { comment = comment $0; if (/\*\//) inside = 0; next }
        /^[ \t]*$/ { comment = "" }
        /^PICOT_API|^[a-zA-Z].* PICOT_API |^PICOT_API_DECL_|^PICOT_IO_LEAF_/ {
            if (comment !~ /^\/\*\*/) print file ":" NR ": no doc comment: " $0
            else if (comment !~ /@since[ *]+[0-9]/) print file ":" NR ": no @since: " $0
        }' "$srcdir/include/$header"
done >"$scratch/out"
judge "every public function has a doc comment with @since" "$scratch/out"

finish
