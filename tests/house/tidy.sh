#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The top level holds only what it may, every file names its licence, nothing is left for later.
# Usage: tidy.sh SOURCE
set -uo pipefail
cd "$1" || exit 1
status=0
complain() {
	echo "$*"
	status=1
}

for entry in *; do
	case $entry in
	CMakeLists.txt | src | filters | chisels | formats | tests | samples) ;;
	README.md | LICENSE) ;;
	build | build-*) ;; # not in the repository; tests/run.sh makes them
	*) complain "$entry: does not belong on the top level" ;;
	esac
done
while read -r file; do
	complain "$file: C lives only in src/ and tests/"
done < <(find filters chisels formats samples -name '*.[ch]' 2>/dev/null)

# The first line, or the second behind "#!". (Filters and formats are one line under their title.)
while read -r file; do
	head -n 2 "$file" | grep -q 'SPDX-License-Identifier: ' || complain "$file: no SPDX line"
done < <(find CMakeLists.txt .ci src filters chisels formats tests samples -type f \( \
	-name '*.[ch]' -o -name '*.def' -o -name '*.sh' -o -name '*.py' -o -name '*.lua' \
	-o -name '*.[1578]' -o -name '*.service' \
	-o -name CMakeLists.txt -o -path .ci/run \) 2>/dev/null)
grep -q 'Apache License' LICENSE 2>/dev/null || complain "LICENSE: not the Apache License"

marks='TO''DO|FIX''ME|X''XX|HA''CK'
while read -r line; do
	complain "$line: nothing is left for later"
done < <(grep -rnIwE "$marks" . --exclude-dir='.git' --exclude-dir='build*' --include='*.[ch]' \
	--include='*.sh' --include='*.def' --include=CMakeLists.txt --include='*.md' \
	--include='*.lua' --include='*.[1578]')
while read -r file; do
	complain "$file: not executable"
done < <(find tests samples .ci -type f \( -name '*.sh' -o -path .ci/run \) ! -perm -100 2>/dev/null)
if command -v clang-format-14 >/dev/null; then # later versions decide some things otherwise
	while read -r line; do
		complain "$line"
	done < <(find src tests -name '*.[ch]' -print0 |
		xargs -0 clang-format-14 --dry-run 2>&1 | grep ' warning: ')
fi
exit $status
