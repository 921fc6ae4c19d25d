"""`/docs`: the interactive API documentation, which works offline.

The scripts are Swagger UI's, from the package fastapi-offline. Nothing on the page is inline, so its policy needs no
exception for scripts; Swagger UI sets inline styles.
"""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from api.errors import not_found

router = APIRouter(include_in_schema=False)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>LLM API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = (
    'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false});\n'
)
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
A_DAY = {"Cache-Control": "public, max-age=86400"}


@router.get("/docs")
async def page() -> HTMLResponse:
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})


@router.get("/docs/{name}")
async def asset(name: str) -> Response:
    """A script or style sheet of the page. Raises 404."""
    if name == "start.js":
        return Response(START, media_type="text/javascript", headers=A_DAY)
    if name not in ASSETS:
        raise not_found("page")
    return FileResponse(str(files("fastapi_offline") / "static" / name), media_type=ASSETS[name], headers=A_DAY)
