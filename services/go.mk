# Builds the Go service in the including Makefile's folder: one program, build/server, that is
# position-independent and linked to libc. A static one would need no libc, but OSv faults for ever
# when a static program's thread pointer lies in a page of .bss that nothing has touched yet, as that
# of Go 1.26 does; and the bytes must be the same in every arm.

COMMON := ../../common/go

build/server: $(wildcard *.go go.mod go.sum $(COMMON)/*) ../../go.mk
	CGO_ENABLED=1 GOTOOLCHAIN=local go build -trimpath -buildvcs=false -buildmode=pie -tags=netgo,osusergo \
		-ldflags="-s -w -linkmode=external" -o $@ .
	touch $@ # Go leaves a file alone that would not change

.PHONY: clean
clean:
	rm -rf build
