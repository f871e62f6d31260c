//go:build shared

package serve

import "C"

// GoMain starts the service out of a shared library; the name is the one that OSv's go.so calls.
//
//export GoMain
func GoMain() {
	Main()
}
