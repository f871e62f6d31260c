"""todos-python serves a fixed list of five items."""

from __future__ import annotations

from typing import Any

from unilab_service import Answer, GetOnly, failure, run

TODOS = [
    {"id": 1, "title": "Write the study down", "completed": False, "date": "2018-05-01"},
    {"id": 2, "title": "Build the services", "completed": False, "date": "2018-05-01"},
    {"id": 3, "title": "Boot the instances", "completed": False, "date": "2018-05-01"},
    {"id": 4, "title": "Measure the answers", "completed": False, "date": "2018-05-01"},
    {"id": 5, "title": "Read the report", "completed": False, "date": "2018-05-01"},
]


class AllTodos(GetOnly):
    """The list."""

    def get(self) -> list[dict[str, Any]]:
        """Answer with every item."""
        return TODOS


class OneTodo(GetOnly):
    """An item of the list."""

    def get(self, todo_id: str) -> dict[str, Any] | Answer:
        """Answer with the item, or that there is none."""
        for todo in TODOS:
            if str(todo["id"]) == todo_id:
                return todo
        return failure(404, "todo not found")


if __name__ == "__main__":
    run("todos-python", {"/todos": AllTodos, "/todos/<todo_id>": OneTodo})
