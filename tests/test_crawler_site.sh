#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_crawler_site.sh - the whole chain: make_site, http_server and crawler, 200 pages, on each backend.

builddir=${builddir:-build}
srcdir=${srcdir:-.}
echo 1..4
if [ ! -x "$builddir/examples/crawler" ]; then
    for number in 1 2 3 4; do echo "ok $number - site # SKIP no crawler in this build"; done
    exit 0
fi

table=$("$srcdir/tools/demo" "$builddir" 200 2>&1)
echo "$table" | sed 's/^/# /'
number=0
failed=0
for backend in select poll epoll io_uring; do
    number=$((number + 1))
    case $(echo "$table" | grep "^  $backend ") in
    *" ok") echo "ok $number - every page found, once [$backend]" ;;
    *"skipped: "*) echo "ok $number - every page found, once [$backend] # SKIP not on this kernel" ;;
    *) echo "not ok $number - every page found, once [$backend]" && failed=1 ;;
    esac
done
exit $failed
