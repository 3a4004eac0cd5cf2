#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The cases of Mesos' routing library where there is fq_codel: none is skipped here.
set -uo pipefail
failed=0
for test in routing filters; do
	said=$("${BUILD:?}/unit-net-$test" 2>&1) || failed=1
	echo "$said"
	! grep -q SKIPPED <<<"$said" || failed=1
done
exit $failed
