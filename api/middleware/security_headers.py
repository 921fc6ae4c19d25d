"""Security headers, set on every response that does not set its own. docs/security.md explains each."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
    # The filter that this header once enabled could itself be attacked; browsers have removed it.
    "X-XSS-Protection": "0",
    "Cache-Control": "no-store",
}
UNDER_TLS = {"Strict-Transport-Security": "max-age=31536000"}
