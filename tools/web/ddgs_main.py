"""The process started by `ddgs_search.py`: queries the search engines. Reads and writes JSON."""

import json
import sys
from typing import Any

from ddgs import DDGS
from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException

NO_RESULTS = "No results found."


def ask(request: dict[str, Any]) -> dict[str, Any]:
    """`{"results": […]}`, or `{"error": reason}`."""
    engine = DDGS(proxy=request["proxy"], timeout=request["timeout"])
    search = engine.news if request["topic"] == "news" else engine.text
    try:
        return {"results": search(**request["arguments"])}
    except RatelimitException:
        return {"error": "The search engines received too many requests; try again later."}
    except TimeoutException:
        return {"error": "The search engines did not respond in time."}
    except DDGSException as error:
        if str(error) == NO_RESULTS:
            return {"results": []}
        return {"error": "The search engines cannot be reached; the machine may have no internet access."}


if __name__ == "__main__":
    json.dump(ask(json.load(sys.stdin)), sys.stdout)
