"""What serves one call of a function, as functions-framework does: in a thread, with the request as Werkzeug reads it.

Run as a file, its body on standard input; it imports `main.py` of the deployed source and nothing of the checkout.
"""

import importlib
import json
import os
import sys
import threading
from typing import Any

from werkzeug.wrappers import Request


def _serve(request: Request, given: dict[str, Any]) -> None:
    target = getattr(importlib.import_module("main"), os.environ["FUNCTION_TARGET"])
    answer = target(request)
    body, status = answer if isinstance(answer, tuple) else (answer, 200)
    given.update(status=status, body=body)


def _main() -> int:
    body = sys.stdin.buffer.read()
    request = Request.from_values(method="POST", data=body, content_type="application/json")
    given: dict[str, Any] = {}
    thread = threading.Thread(target=_serve, args=(request, given))
    thread.start()
    thread.join()
    if not given:
        return 1
    with open(os.environ["FUNCTION_ANSWER"], "w") as file:  # noqa: PTH123
        json.dump(given, file)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
