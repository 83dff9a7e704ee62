#!/bin/sh
# Stands for a runtime of JavaScript: hands on to the one that is there.
exec node "$@"
