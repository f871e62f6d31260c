// bubble_sort-go sorts a fresh descending array on each request.
package main

import (
	"net/http"
	"sort"

	"unilab/serve"
)

type report struct {
	Length int  `json:"length"`
	First  int  `json:"first"`
	Last   int  `json:"last"`
	Sorted bool `json:"sorted"`
}

func init() {
	serve.Main = main
}

func main() {
	length := serve.Int("UNILAB_ARRAY_LENGTH", 20000, 2, 1000000)
	serve.Run("bubble_sort-go", map[string]http.HandlerFunc{
		"/sort": func(w http.ResponseWriter, _ *http.Request) {
			numbers := descending(length)
			bubbleSort(numbers)
			serve.JSON(w, http.StatusOK, report{
				Length: length,
				First:  numbers[0],
				Last:   numbers[length-1],
				Sorted: sort.IntsAreSorted(numbers),
			})
		},
	})
}

func descending(length int) []int {
	numbers := make([]int, length)
	for i := range numbers {
		numbers[i] = length - i
	}
	return numbers
}

// bubbleSort is the plain algorithm, without an early exit: length*(length-1)/2 comparisons.
func bubbleSort(numbers []int) {
	for end := len(numbers) - 1; end > 0; end-- {
		for i := 0; i < end; i++ {
			if numbers[i] > numbers[i+1] {
				numbers[i], numbers[i+1] = numbers[i+1], numbers[i]
			}
		}
	}
}
