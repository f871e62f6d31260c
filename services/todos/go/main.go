// todos-go serves a fixed list of five items.
package main

import (
	"net/http"
	"strconv"

	"github.com/gorilla/mux"
	"unilab/serve"
)

type todo struct {
	ID        int    `json:"id"`
	Title     string `json:"title"`
	Completed bool   `json:"completed"`
	Date      string `json:"date"`
}

var todos = []todo{
	{1, "Write the study down", false, "2018-05-01"},
	{2, "Build the services", false, "2018-05-01"},
	{3, "Boot the instances", false, "2018-05-01"},
	{4, "Measure the answers", false, "2018-05-01"},
	{5, "Read the report", false, "2018-05-01"},
}

func init() {
	serve.Main = main
}

func main() {
	serve.Run("todos-go", map[string]http.HandlerFunc{
		"/todos":      all,
		"/todos/{id}": one,
	})
}

func all(w http.ResponseWriter, _ *http.Request) {
	serve.JSON(w, http.StatusOK, todos)
}

func one(w http.ResponseWriter, r *http.Request) {
	for _, item := range todos {
		if strconv.Itoa(item.ID) == mux.Vars(r)["id"] {
			serve.JSON(w, http.StatusOK, item)
			return
		}
	}
	serve.Fail(w, http.StatusNotFound, "todo not found")
}
