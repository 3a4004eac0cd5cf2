#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --adopt-mesos on a distribution's kernel, where a link cannot be renamed while it is up (before
# Linux 6.2) and is down for a moment. Usage: tests/vm/vm.sh -t 900 tests/vm/adopt_test.sh
PATIENCE=10 exec "${0%/*}/../live/mesos_adopt.sh"
