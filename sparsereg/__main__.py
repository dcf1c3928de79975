"""``python -m sparsereg``."""

from sparsereg.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
