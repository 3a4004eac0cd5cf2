#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who may know whom: every #include in src/ is held against the table of rooms.
# Usage: layers.sh SOURCE
set -euo pipefail
cd "$1/src"

# Room: the rooms it may include besides base and itself. cmd may include all of them.
declare -A may=(
	[base]="" [event]="" [packet]="" [net]="" [mesos]="event"
	[savefile]="event" [isolate]="net"
	[source]="savefile net packet event"
	[state]="packet event"
	[field]="state packet event"
	[filter]="field event"
	[view]="filter field event" [print]="filter field event"
	[chisel]="view print filter field state source savefile mesos packet event"
	[flow]="view print filter field state source savefile isolate mesos net packet event"
	[console]="view print"
	[http]="flow view print isolate mesos filter field state source savefile event"
	[cmd]="*"
)
# Library header or folder (extended regex): the rooms that may include it.
libraries=(
	'n?curses|panel|menu:console'
	'lua|luajit|lualib|lauxlib:chisel'
	'microhttpd:http'
	'curl:mesos cmd'
	'zookeeper:mesos'
	'jansson:mesos savefile isolate source http cmd'
	'netlink:net'
	'bpf:isolate'
	'cap-ng:cmd'
	'pcap:source'
	'lz4|lz4frame|lz4hc|zlib|zstd|xxhash:savefile'
)
status=0
complain() {
	echo "$*"
	status=1
}

check_room() { # FILE:LINE ROOM INCLUDED-ROOM INCLUDED
	local room=$2 other=$3
	if [ -z "${may[$other]+known}" ]; then
		complain "$1: $4 is in no known room"
	elif [ "$other" = base ] || [ "$other" = "$room" ] || [ "${may[$room]}" = '*' ]; then
		return
	elif [[ " ${may[$room]} " != *" $other "* ]]; then
		complain "$1: room $room may not know $4"
	elif [[ $4 != "$other/$other.h" && $4 != event/counters.def ]]; then
		complain "$1: $4 is private to room $other"
	fi
}

check_library() { # FILE:LINE ROOM HEADER
	local row
	for row in "${libraries[@]}"; do
		if [[ $3 =~ ^(${row%:*})(\.h$|/) && " ${row##*:} " != *" $2 "* ]]; then
			complain "$1: <$3> belongs into room ${row##*:} only"
		fi
	done
}

seen=0
while IFS=: read -r file line text; do
	room=${file%%/*}
	seen=$((seen + 1))
	if [ -z "${may[$room]+known}" ]; then
		complain "src/$file: $room is no room of the table"
		continue
	fi
	if [[ $text =~ \"([^\"]+)\" ]]; then
		included=${BASH_REMATCH[1]}
		[ -e "$included" ] || complain "src/$file:$line: no src/$included"
		check_room "src/$file:$line" "$room" "${included%%/*}" "$included"
	elif [[ $text =~ \<([^\>]+)\> ]]; then
		check_library "src/$file:$line" "$room" "${BASH_REMATCH[1]}"
	fi
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include' --include='*.[ch]' .  | sed 's,^\./,,')
[ "$seen" -gt 0 ] || complain "no #include found in $PWD"

# Room mesos takes only the records of room event: nothing that belongs to the stream of events.
if grep -nE '\b(struct (event|sink|iface_record)\b|EVENT_[A-Z]|counters_(set|pack|unpack)\b)' \
	mesos/*.[ch] 2>/dev/null; then
	complain "room mesos knows only the records of room event"
fi
exit $status
