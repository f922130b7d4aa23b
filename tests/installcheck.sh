#!/bin/sh
# SPDX-License-Identifier: MIT
#
# installcheck.sh - what was installed works by itself: programs built through pkg-config and CMake run, each installed
# header compiles alone as C11 and C++. Run by make installcheck, which gives prefix, libdir, includedir, srcdir, CC,
# CXX, PKG_CONFIG, version and sanitize_flags.

set -eu
scratch=$(mktemp -d "${TMPDIR:-/tmp}/picot-installcheck.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
PKG_CONFIG_PATH=$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH LD_LIBRARY_PATH

step()
{
    echo "installcheck: $*"
}

# build PROGRAM MODULE SOURCES...: through the installed pkg-config file, as a user would.
build()
{
    program=$1 module=$2
    shift 2
    # shellcheck disable=SC2046,SC2086
    $CC $sanitize_flags $($PKG_CONFIG --cflags "$module") "$@" -o "$scratch/$program" $($PKG_CONFIG --libs "$module")
}

step "pkg-config"
[ "$($PKG_CONFIG --modversion picot)" = "$version" ]

step "a program that runs a loop"
cat >"$scratch/probe.c" <<'END'
#include <picot.h>
#include <stdio.h>
static void hello(picot_loop *loop, void *user)
{
    (void)loop;
    *(int *)user = 1;
}
int main(void)
{
    picot_loop *loop;
    picot_job job = PICOT_JOB_INIT;
    int called = 0;
    if (picot_loop_create(NULL, &loop) || picot_call_soon(loop, &job, hello, &called)) return 1;
    if (picot_loop_run(loop, PICOT_RUN_IDLE) || picot_loop_destroy(loop, PICOT_DESTROY_IDLE) || !called) return 1;
    puts(picot_version());
    return 0;
}
END
build probe picot "$scratch/probe.c"
[ "$("$scratch/probe")" = "$version" ]

step "the echo server"
build echo_server picot "$srcdir/examples/echo_server.c"
if $PKG_CONFIG --exists picot-http; then
    step "the HTTP server"
    build http_server picot-http -D_GNU_SOURCE "$srcdir/examples/http_server.c" "$srcdir/examples/redirects.c"
fi

step "headers"
for header in "$includedir/picot.h" "$includedir"/picot/*.h; do
    name=${header#"$includedir/"}
    printf '#include <%s>\nint picot_probe;\n' "$name" >"$scratch/header.c"
    cp "$scratch/header.c" "$scratch/header.cc"
    $CC -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$includedir" "$scratch/header.c"
    [ "$CXX" = : ] || $CXX -std=c++11 -Wall -Wextra -Werror -fsyntax-only -I"$includedir" "$scratch/header.cc"
done

if command -v cmake >/dev/null 2>&1 && [ -z "$sanitize_flags" ]; then
    step "CMake"
    cat >"$scratch/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.13)
project(probe C)
find_package(picot 0.1 REQUIRED)
add_executable(cmake_probe probe.c)
target_link_libraries(cmake_probe picot::picot)
END
    cmake -S "$scratch" -B "$scratch/cmake" -Dpicot_DIR="$libdir/cmake/picot" -DCMAKE_C_COMPILER="${CC%% *}" \
        >"$scratch/cmake.log" 2>&1 && cmake --build "$scratch/cmake" >>"$scratch/cmake.log" 2>&1 || {
        cat "$scratch/cmake.log"
        exit 1
    }
    [ "$("$scratch/cmake/cmake_probe")" = "$version" ]
fi
step "passed"
