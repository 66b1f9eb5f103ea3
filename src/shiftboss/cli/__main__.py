"""``python -m shiftboss.cli``: the same as ``python -m shiftboss``."""

from shiftboss.cli import main

main()
