#!/usr/bin/env bash
# check-sizes.sh: no product file over 400 lines, tests beside the code left out; no `main` over 40.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0
while read -r file; do
  case $file in
    */tests.rs | */tests/*) continue ;;
    */main.rs) limit=40 ;;
    *) limit=400 ;;
  esac
  # Inline tests do not count.
  lines=$(awk '/^#\[cfg\(test\)\]/ { exit } { n++ } END { print n + 0 }' "$file")
  if [ "$lines" -gt "$limit" ]; then
    echo "$file: $lines lines, at most $limit: split it by what it does" >&2
    bad=1
  fi
done < <(git ls-files --cached --others --exclude-standard '*.rs')
exit "$bad"
