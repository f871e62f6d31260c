# Builds the Go service in the including Makefile's folder: one static program, build/server.

COMMON := ../../common/go

build/server: $(wildcard *.go go.mod go.sum $(COMMON)/*) ../../go.mk
	CGO_ENABLED=0 GOTOOLCHAIN=local go build -trimpath -buildvcs=false -ldflags="-s -w" -o $@ .
	touch $@ # Go leaves a file alone that would not change

.PHONY: clean
clean:
	rm -rf build
