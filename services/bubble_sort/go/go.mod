module unilab/bubble_sort

go 1.19

require unilab/serve v0.0.0

require github.com/gorilla/mux v1.8.1 // indirect

replace unilab/serve => ../../common/go
