# Builds the Java service in the including Makefile's folder: build/server.jar, with Vert.x in it, and
# build/jre, a Java runtime of only the modules that it needs.

COMMON := ../../common/java
JDK := $(patsubst %/bin/jlink,%,$(realpath $(shell command -v jlink)))
ifeq ($(JDK),)
$(error jlink was not found. Remedy: install Maven and a JDK, version 17 or newer)
endif

# jdeps names java.compiler, java.naming and jdk.jfr too: for verticles given as source, for Netty's name
# resolver and for its flight recorder events, none of which is in use.
MODULES := java.base,java.logging,jdk.unsupported

.DELETE_ON_ERROR:
.PHONY: all clean lock
all: build/server.jar build/jre/release

build/server.jar: pom.xml $(shell find src $(COMMON) -type f) ../../java.mk
	rm -rf build/maven
	mvn --quiet --batch-mode -Dstyle.color=never package
	cd build/maven/lib && sha256sum --quiet --strict --check ../../../$(COMMON)/dependencies.sha256
	touch $@ # Maven leaves a file alone that would not change

# No class data archive: the JVM writes a different one each time, and it spares a tenth of the start.
# What could only serve a second process, or repeats another module's licence, is omitted.
build/jre/release: $(JDK)/release ../../java.mk
	rm -rf build/jre
	jlink --add-modules $(MODULES) --strip-java-debug-attributes --no-header-files --no-man-pages --output build/jre
	find build/jre -type l -delete
	rm build/jre/bin/keytool build/jre/lib/jexec build/jre/lib/jspawnhelper
	touch $@

# After a change of version: writes the hashes that the build checks.
lock:
	mvn --quiet --batch-mode -Dstyle.color=never package
	cd build/maven/lib && sha256sum *.jar > ../../../$(COMMON)/dependencies.sha256

clean:
	rm -rf build
