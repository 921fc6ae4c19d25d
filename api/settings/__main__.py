"""`python -m api.settings`: generate `docs/settings.md` and `.env.example`."""

from pathlib import Path

from api.settings.reference import env_example, settings_page

ROOT = Path(__file__).parents[2]


def main() -> None:
    (ROOT / "docs" / "settings.md").write_text(settings_page(), "utf-8")
    (ROOT / ".env.example").write_text(env_example(), "utf-8")


if __name__ == "__main__":
    main()
