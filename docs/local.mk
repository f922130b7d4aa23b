# SPDX-License-Identifier: MIT
#
# docs/local.mk - `make docs` writes the reference from the public headers; a warning of Doxygen is an error.

EXTRA_DIST += docs/Doxyfile
EXTRA_DIST += \
    docs/architecture.md \
    docs/backends.md \
    docs/building.md \
    docs/cancellation.md \
    docs/coroutines.md \
    docs/daemon.md \
    docs/executors.md \
    docs/files.md \
    docs/generators.md \
    docs/http.md \
    docs/inspection.md \
    docs/lint.md \
    docs/loop.md \
    docs/performance.md \
    docs/process_pools.md \
    docs/processes.md \
    docs/queues.md \
    docs/shared.md \
    docs/signals.md \
    docs/sync.md \
    docs/tasks.md \
    docs/testing.md

.PHONY: docs
docs:
	@if test "$(DOXYGEN)" = :; then echo "make docs needs doxygen" >&2; exit 1; fi
	$(AM_V_GEN)$(MKDIR_P) docs/reference && srcdir='$(srcdir)' version='$(PACKAGE_VERSION)' \
	    $(DOXYGEN) $(srcdir)/docs/Doxyfile

docs-clean:
	rm -rf docs/reference
clean-local: docs-clean
