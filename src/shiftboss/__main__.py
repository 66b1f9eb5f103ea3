"""``python -m shiftboss``, for where the command itself is not on the PATH."""

from shiftboss.cli import main

main()
