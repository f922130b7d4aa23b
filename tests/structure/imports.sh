#!/bin/sh
# SPDX-License-Identifier: MIT
#
# imports.sh - the one door: above the backend table nothing makes a system call, reads a clock or random numbers, starts
# a thread or looks up a name. So the objects of the library, loop/backend/ and loop/executor/ aside, import nothing but
# what is listed here. And none has a variable that can change: several loops of a process share nothing. But for one:
# a signal's disposition is the process's, and its handler finds the loops in the table of loop/backend/sys_signal.c.
. "$(dirname "$0")/lib.sh"

# An interface's name in an address, fe80::1%eth0, is looked up by picot_addr_parse itself: it has no loop to ask.
cat >"$scratch/allowed" <<'END'
if_indextoname
if_nametoindex
_GLOBAL_OFFSET_TABLE_
__tls_get_addr
__stack_chk_fail
__errno_location
__ctype_b_loc
__ctype_tolower_loc
__ctype_toupper_loc
abort
bcmp
bsearch
calloc
free
malloc
realloc
qsort
memchr
memcmp
memcpy
memmem
memmove
memrchr
mempcpy
memset
snprintf
vsnprintf
stpcpy
strcasecmp
strncasecmp
strcat
strchr
strchrnul
strcmp
strcpy
strcspn
strerror
strerror_r
strerrordesc_np
strerrorname_np
strlen
strncat
strncmp
strncpy
strnlen
strpbrk
strrchr
strspn
strstr
strtok_r
strtol
strtoll
strtoul
strtoull
__isoc23_strtol
__isoc23_strtoll
__isoc23_strtoul
__isoc23_strtoull
getenv
secure_getenv
inet_ntop
inet_pton
freeaddrinfo
END
# A debug build says what was misused, and aborts.
grep -q '^#define PICOT_DEBUG' "$builddir/config.h" 2>/dev/null &&
    printf '%s\n' __assert_fail fprintf fwrite fputs fputc stderr fflush >>"$scratch/allowed"
sort -o "$scratch/allowed" "$scratch/allowed"

# objects FOLDER: the library's objects in it.
objects()
{
    find "$builddir/$1" -name 'libpicot*.o' -path '*/.libs/*' 2>/dev/null |
        grep -v -e '/loop/backend/' -e '/loop/executor/' | sort
}

if [ -z "$(objects loop)" ]; then
    skip "imports" "no objects"
    finish
    exit
fi

for folder in loop coro net; do
    objects $folder | while read -r object; do
        # A parser's own functions are no door to the outside; sanitizers and coverage bring their own names.
        $NM -u "$object" | $AWK '{ print $NF }' | sed 's/@.*//' |
            grep -v -e '^picot_' -e '^http_' -e '^llhttp_' -e '^__[a-z]*san_' -e '^__sanitizer' -e '^__gcov' -e '_chk$' |
            sort -u | comm -23 - "$scratch/allowed" | sed "s,^,$object: ,"
    done >"$scratch/out"
    judge "$folder/ imports no system call, clock, random source, thread or name lookup" "$scratch/out"
done

if [ "${SANITIZED:-no}" = yes ]; then
    skip "no variable that can change" "sanitizers bring their own"
else
    find "$builddir/loop" "$builddir/coro" "$builddir/net" -name 'libpicot*.o' -path '*/.libs/*' | grep -v 'la-sys_signal\.o$' |
        sort | while read -r object; do
            size -A "$object" | $AWK -v object="$object" '
                $1 ~ /^\.(data|bss)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 { print object ": " $2 " bytes of " $1 }'
        done >"$scratch/out"
    judge "no variable that can change" "$scratch/out"
fi

finish
