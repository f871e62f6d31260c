# Builds the Go service in the including Makefile's folder, as one of three kinds of program:
#   build/server          position-independent, linked to libc by gcc: the plain service
#   build/static/server   static, with the C library's own start
#   build/shared/server   a few lines of C over server.so, the service as a shared library (-buildmode=c-shared)
# A purely internal link (CGO_ENABLED=0) would be smaller, but OSv faults for ever where a program's thread
# pointer lies in a page of .bss that nothing has touched yet, as that of Go 1.26 does; with libc's start it
# lies on the heap. A position-independent one that Go links itself hangs there likewise.

COMMON := ../../common/go
WRAPPER := ../../common/go-shared/main.c
SOURCES := $(wildcard *.go go.mod go.sum $(COMMON)/*) ../../go.mk

GO := CGO_ENABLED=1 GOTOOLCHAIN=local go build -trimpath -buildvcs=false
TAGS := netgo,osusergo
VARIANT = -X unilab/serve.variant=.$(notdir $(@D))

build/server: $(SOURCES)
	$(GO) -buildmode=pie -tags=$(TAGS) -ldflags="-s -w -linkmode=external" -o $@ .
	touch $@ # Go leaves a file alone that would not change

build/static/server: $(SOURCES)
	$(GO) -tags=$(TAGS) -ldflags="-s -w -linkmode=external -extldflags=-static $(VARIANT)" -o $@ .
	touch $@

build/shared/server: $(WRAPPER) build/shared/server.so
	gcc -O2 -s -o $@ $< -L$(@D) -l:server.so -Wl,-rpath,'$$ORIGIN'

build/shared/server.so: $(SOURCES)
	$(GO) -buildmode=c-shared -tags=$(TAGS),shared -ldflags="-s -w $(VARIANT)" -o $@ .
	touch $@

.PHONY: clean
clean:
	rm -rf build
