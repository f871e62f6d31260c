package unilab;

import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.RoutingContext;

/** Sorts a fresh descending array on each request. */
public final class BubbleSort {

  public static void main(String[] arguments) {
    int length = Settings.integer("UNILAB_ARRAY_LENGTH", 20000, 2, 1000000);
    Service.run(
        "bubble_sort-java",
        router -> router.get("/sort").handler(context -> answerSorted(context, length)));
  }

  private static void answerSorted(RoutingContext context, int length) {
    int[] numbers = descending(length);
    sort(numbers);
    JsonObject report =
        new JsonObject()
            .put("length", length)
            .put("first", numbers[0])
            .put("last", numbers[length - 1])
            .put("sorted", isSorted(numbers));
    Service.answer(context, 200, report.encode());
  }

  private static int[] descending(int length) {
    int[] numbers = new int[length];
    for (int i = 0; i < length; i++) {
      numbers[i] = length - i;
    }
    return numbers;
  }

  /** The plain algorithm, without an early exit: length*(length-1)/2 comparisons. */
  private static void sort(int[] numbers) {
    for (int end = numbers.length - 1; end > 0; end--) {
      for (int i = 0; i < end; i++) {
        if (numbers[i] > numbers[i + 1]) {
          int larger = numbers[i];
          numbers[i] = numbers[i + 1];
          numbers[i + 1] = larger;
        }
      }
    }
  }

  private static boolean isSorted(int[] numbers) {
    for (int i = 1; i < numbers.length; i++) {
      if (numbers[i - 1] > numbers[i]) {
        return false;
      }
    }
    return true;
  }
}
