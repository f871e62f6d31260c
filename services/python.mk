# Builds the Python service in the including Makefile's folder: build/usr, the machine's interpreter with its
# standard library, and build/app, the service with the locked packages. MAIN is the service's own module.

COMMON := ../../common/python
PYTHON := /usr/bin/python3
VERSION := $(shell $(PYTHON) -I -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
STDLIB := build/usr/lib/$(VERSION)

# What no service imports: tests, tools, windows; the distribution's hook; and the extension modules that
# would bring large libraries along (OpenSSL, SQLite, ncurses ...). A slash at the front: at the top only.
UNUSED := /test /*/test /*/tests /idlelib /tkinter /turtledemo /turtle.py /ensurepip /venv /lib2to3 /distutils \
    /pydoc_data /config-* /dist-packages /site-packages /sitecustomize.py /EXTERNALLY-MANAGED __pycache__
UNUSED_EXTENSIONS := _tkinter _curses _curses_panel readline _dbm _gdbm _sqlite3 _ssl _hashlib _bz2 _lzma _ctypes \
    _ctypes_test _crypt _uuid nis ossaudiodev _test* _xx* xx*

# Marshalled sets follow the hash seed; unchecked-hash files carry no time and no folder of this machine.
COMPILE := cd build && PYTHONHASHSEED=0 $(PYTHON) -I -m compileall -q --invalidation-mode unchecked-hash -s . -p /

.PHONY: all clean lock
all: build/usr.made build/app.made

build/usr.made: $(PYTHON) $(realpath $(PYTHON)) ../../python.mk
	rm -rf build/usr
	mkdir -p build/usr/bin $(STDLIB)
	cp --dereference $(PYTHON) build/usr/bin/python3
	tar --create --directory=/usr/lib/$(VERSION) --dereference --anchored --wildcards --no-wildcards-match-slash \
	    $(patsubst %,--exclude='.%',$(filter /%,$(UNUSED))) \
	    $(patsubst %,--exclude='./lib-dynload/%.*.so',$(UNUSED_EXTENSIONS)) \
	    --no-anchored $(patsubst %,--exclude='%',$(filter-out /%,$(UNUSED))) . \
	    | tar --extract --directory=$(STDLIB)
	$(COMPILE) usr
	touch $@

# The packages are fetched by the pip of a throw-away environment: the distribution keeps its own for itself.
# RECORD holds the hashes of that environment's programs, which name this machine's folders.
build/app.made: $(MAIN) $(wildcard $(COMMON)/*.py) $(COMMON)/requirements.lock $(PYTHON) ../../python.mk
	rm -rf build/app build/pip
	$(PYTHON) -I -m venv build/pip
	build/pip/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: \
	    --no-compile --target=build/app/site --requirement=$(COMMON)/requirements.lock
	rm -rf build/pip build/app/site/bin build/app/site/*.dist-info/RECORD
	find build/app/site -depth -type d -name tests -exec rm -r {} +
	cp $(COMMON)/*.py build/app/
	cp $(MAIN) build/app/server.py
	$(COMPILE) app
	touch $@

# After a change in requirements.in. Needs pip-compile, of pip-tools.
lock:
	cd $(COMMON) && pip-compile --quiet --generate-hashes --strip-extras --annotation-style=line --no-header \
	    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file=requirements.lock requirements.in

clean:
	rm -rf build
