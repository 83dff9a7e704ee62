#!/usr/bin/env bash
# A plain nightly test. cron mails what is printed, and nothing is printed of an install that
# is sealed:
#
#   MAILTO=platform@shop.example
#   17 3 * * *  /srv/ci/nightly-cron.sh /srv/checkouts/shop /srv/reports/shop
set -euo pipefail

project="${1:?the folder of the project}"
reports="${2:?the folder for the reports}"
sealcheck="${SEALCHECK:-sealcheck}"

# Where the checkout follows a branch, it is brought up to date.
if git -C "$project" rev-parse --verify --quiet '@{upstream}' >/dev/null 2>&1; then
    git -C "$project" pull --quiet --ff-only
fi

today="$reports/$(date +%Y-%m-%d)"
mkdir -p "$today"
code=0
"$sealcheck" test "$project" --progress none --fail-on warning \
    --report "json=$today/report.json" --report "markdown=$today/report.md" \
    >"$today/report.txt" 2>&1 || code=$?
if [ "$code" -ne 0 ]; then
    echo "sealcheck ended with $code for $project; $today has the reports"
    echo
    cat "$today/report.txt"
fi
# The reports of a month are kept.
find "$reports" -mindepth 1 -maxdepth 1 -type d -name '20??-??-??' -mtime +30 -exec rm -rf {} +
exit "$code"
