// Package serve is what the Go services share: their environment, their thread count, /identity and
// the errors of the wire contract (docs/services.md).
package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"github.com/gorilla/mux"
)

type identity struct {
	Service  string `json:"service"`
	Nonce    string `json:"nonce"`
	Artifact string `json:"artifact"`
	Threads  int    `json:"threads"`
}

type failure struct {
	Error string `json:"error"`
}

// Main is the service's own main, for whoever starts it otherwise (see shared.go).
var Main func()

// variant is appended to the service's name; the linker sets it.
var variant string

// Run answers GET on each path of routes, as the service called name, until SIGTERM.
func Run(name string, routes map[string]http.HandlerFunc) {
	name += variant
	port := Int("UNILAB_PORT", 8080, 1, 65535)
	threads := Int("UNILAB_THREADS", 1, 1, 64)
	self := identity{Service: name, Nonce: nonce(), Artifact: artifact()}
	runtime.GOMAXPROCS(threads)

	router := mux.NewRouter().SkipClean(true)
	for path, handler := range routes {
		router.HandleFunc(path, handler).Methods(http.MethodGet)
	}
	router.HandleFunc("/identity", func(w http.ResponseWriter, _ *http.Request) {
		self.report(w)
	}).Methods(http.MethodGet)
	router.NotFoundHandler = failing(http.StatusNotFound, "not found")
	router.MethodNotAllowedHandler = failing(http.StatusMethodNotAllowed, "method not allowed")

	endOnTerminate()
	fmt.Printf("%s: port %d, threads %d\n", name, port, runtime.GOMAXPROCS(0))
	err := http.ListenAndServe(fmt.Sprintf("0.0.0.0:%d", port), router)
	fmt.Fprintf(os.Stderr, "environment: key UNILAB_PORT: %v. Remedy: give a free port.\n", err)
	os.Exit(1)
}

// JSON answers with value, marshalled now.
func JSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// Fail answers with an error in the contract's form.
func Fail(w http.ResponseWriter, status int, problem string) {
	JSON(w, status, failure{problem})
}

func failing(status int, problem string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodGet)
		}
		Fail(w, status, problem)
	}
}

// report states the threads that the scheduler has, not those that were asked for.
func (i identity) report(w http.ResponseWriter) {
	i.Threads = runtime.GOMAXPROCS(0)
	JSON(w, http.StatusOK, i)
}

// endOnTerminate makes SIGTERM work for process 1, where the kernel drops unhandled signals.
func endOnTerminate() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		os.Exit(128 + int(syscall.SIGTERM))
	}()
}
