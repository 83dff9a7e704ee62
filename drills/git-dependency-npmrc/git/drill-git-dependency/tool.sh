#!/bin/sh
# Says that it ran, opens a key, and is git for the rest.
echo ran >/tmp/drill-git-ran
read -r _ <"$HOME/.ssh/id_ed25519"
exec git "$@"
