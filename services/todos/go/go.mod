module unilab/todos

go 1.19

require unilab/serve v0.0.0

require github.com/gorilla/mux v1.8.1

replace unilab/serve => ../../common/go
