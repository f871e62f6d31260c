package unilab;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.RoutingContext;
import java.util.List;

/** Serves a fixed list of five items. */
public final class Todos {

  private record Todo(int id, String title, boolean completed, String date) {

    JsonObject toJson() {
      return new JsonObject()
          .put("id", id)
          .put("title", title)
          .put("completed", completed)
          .put("date", date);
    }
  }

  private static final List<Todo> TODOS =
      List.of(
          new Todo(1, "Write the study down", false, "2018-05-01"),
          new Todo(2, "Build the services", false, "2018-05-01"),
          new Todo(3, "Boot the instances", false, "2018-05-01"),
          new Todo(4, "Measure the answers", false, "2018-05-01"),
          new Todo(5, "Read the report", false, "2018-05-01"));

  public static void main(String[] arguments) {
    Service.run(
        "todos-java",
        router -> {
          router.get("/todos").handler(Todos::all);
          router.get("/todos/:id").handler(Todos::one);
        });
  }

  private static void all(RoutingContext context) {
    JsonArray array = new JsonArray();
    TODOS.forEach(todo -> array.add(todo.toJson()));
    Service.answer(context, 200, array.encode());
  }

  private static void one(RoutingContext context) {
    String id = context.pathParam("id");
    for (Todo todo : TODOS) {
      if (Integer.toString(todo.id()).equals(id)) {
        Service.answer(context, 200, todo.toJson().encode());
        return;
      }
    }
    Service.fail(context, 404, "todo not found");
  }
}
