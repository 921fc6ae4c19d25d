"""The process that `ddgs_search.py` starts: reads a request as JSON, asks the engines, writes their answer as JSON."""

import json
import sys
from typing import Any

from ddgs import DDGS
from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException

NO_RESULTS = "No results found."


def ask(request: dict[str, Any]) -> dict[str, Any]:
    """`{"results": […]}`, or `{"error": why not}`."""
    engine = DDGS(proxy=request["proxy"], timeout=request["timeout"])
    search = engine.news if request["topic"] == "news" else engine.text
    try:
        return {"results": search(**request["arguments"])}
    except RatelimitException:
        return {"error": "The search engines are asked too often; they can be used again later."}
    except TimeoutException:
        return {"error": "The search engines did not answer in time."}
    except DDGSException as error:
        if str(error) == NO_RESULTS:
            return {"results": []}
        return {"error": "There is no way to the search engines; the machine may have no internet."}


if __name__ == "__main__":
    json.dump(ask(json.load(sys.stdin)), sys.stdout)
