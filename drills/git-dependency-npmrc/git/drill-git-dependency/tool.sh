#!/bin/sh
# Says that it ran, and is git for the rest.
echo ran >/tmp/drill-git-ran
exec git "$@"
