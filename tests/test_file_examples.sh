#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_file_examples.sh - examples/file_copy and examples/directory_walk do what cp and find do, on every backend.
. "$(dirname "$0")/structure/lib.sh"

tree="$scratch/tree"
mkdir -p "$tree/a/b/c" "$tree/empty"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    mkdir "$tree/a/$i" && echo "file $i" >"$tree/a/$i/file" && echo more >"$tree/a/b/c/$i"
done
ln -s .. "$tree/a/link"
head -c 1500000 /dev/urandom >"$scratch/large"
: >"$scratch/nothing"
chmod 640 "$scratch/large"

for backend in select poll epoll io_uring sim; do
    PICOT_BACKEND=$backend
    export PICOT_BACKEND
    if ! "$builddir/examples/directory_walk" "$tree/empty" >/dev/null 2>&1; then
        skip "the examples of files on $backend" "not here"
        continue
    fi
    "$builddir/examples/directory_walk" "$tree" >"$scratch/walked" 2>"$scratch/out"
    find "$tree" -mindepth 1 | sort >"$scratch/found"
    grep -v ' bytes in ' "$scratch/walked" | sort | diff "$scratch/found" - >>"$scratch/out"
    tail -n 1 "$scratch/walked" | grep '^25 files of .* bytes in 17 directories$' >/dev/null ||
        tail -n 1 "$scratch/walked" >>"$scratch/out"
    judge "directory_walk finds what find finds, on $backend" "$scratch/out"

    : >"$scratch/out"
    for file in large nothing; do
        "$builddir/examples/file_copy" "$scratch/$file" "$scratch/copy" >>"$scratch/out" 2>&1
        cmp "$scratch/$file" "$scratch/copy" >>"$scratch/out" 2>&1
    done
    "$builddir/examples/file_copy" "$scratch/large" "$scratch/copy" >>"$scratch/out" 2>&1
    [ "$(stat -c %a "$scratch/copy")" = 640 ] || echo "other permissions" >>"$scratch/out"
    "$builddir/examples/file_copy" "$scratch/none" "$scratch/copy2" >/dev/null 2>&1 && echo "copied none" >>"$scratch/out"
    "$builddir/examples/file_copy" "$scratch/large" "$tree" >/dev/null 2>&1 && echo "copied on a folder" >>"$scratch/out"
    find "$scratch" -name '.file_copy*' >>"$scratch/out"
    judge "file_copy copies as cp does and leaves nothing behind, on $backend" "$scratch/out"
done

finish
