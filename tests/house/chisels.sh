#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Chisels: what dredge-chisels(7) says of the host's functions and of sysdig's chisels holds (those are
# run where they are installed), every shipped one is documented and runs on every sample, and sums are
# those that tshark makes. Usage: chisels.sh SOURCE BUILD
set -uo pipefail
dredge=$2/dredge
page=$1/src/man/dredge-chisels.7
theirs=/usr/share/sysdig/chisels
[ -x "$dredge" ] || { echo "skipped: no $dredge"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/share" && ln -s "$(cd "$1" && pwd)" "$work/share/dredge"
samples=$(cd "$1/samples" && pwd)
export XDG_DATA_HOME=$work/share HOME=/nonexistent TZ=UTC LC_ALL=C.UTF-8
cd "$work" || exit 1
"$dredge" -cl | grep '^topapps' >/dev/null || { echo "skipped: built without LuaJIT"; exit 77; }
status=0
complain() {
	echo "$*"
	status=1
}

# ---- the functions -------------------------------------------------------------------------

cat >names.lua <<'LUA'
function on_capture_start()
	for library, t in pairs {chisel = chisel, sysdig = sysdig, evt = evt} do
		for name in pairs(t) do print(library .. "." .. name) end
	end
end
LUA
"$dredge" -r "$samples/dns.pcap" -c ./names.lua | sort >offered
sed -nE 's/^\.It Fn ((chisel|sysdig|evt)\.[a-z_]+).*/\1/p' "$page" | sort >documented
[ -s offered ] || complain "no functions offered"
diff offered documented >differ || complain "functions, '<' offered, '>' documented: $(cat differ)"

# ---- the shipped ones ----------------------------------------------------------------------

shipped=$("$dredge" -cl | awk '/^Category: Broken/ { exit } /^[a-z]/ { print $1 }')
"$dredge" -cl | grep -A99 Broken && complain "a shipped chisel is broken"
for name in $shipped; do
	grep -qE "^\.It Ic $name( |\$)" "$page" || complain "$name is not in dredge-chisels(7)"
	arguments=
	[ "$name" = csv ] && arguments=evt.num,evt.type,fd.name,frame.len
	for sample in "$samples"/*.pcap*; do
		for json in '' -j; do
			# shellcheck disable=SC2086
			"$dredge" -r "$sample" $json -c "$name" $arguments >out 2>&1 ||
				complain "$name on $(basename "$sample"): $(tail -n 1 out)"
			[ -s out ] || [[ $name == *log ]] ||
				complain "$name on $(basename "$sample"): says nothing"
		done
	done
done

# ---- those of sysdig -----------------------------------------------------------------------

class() { # HEADING: the names listed there
	sed -n "/^\.Ss $1\$/,/^\.El/s/^\.It Ic \([a-z0-9_]*\).*/\1/p" "$page"
}
arguments_of() {
	case $1 in
	fd*_by) echo container.name ;;
	spy_ip) echo 10.77.0.2 ;;
	spy_port) echo 80 ;;
	httptop) echo ncalls ;;
	around | *lower) echo 1 ;;
	table_generator) echo "fd.sport Port evt.count N evt.is_io=true 3 none" ;;
	esac
}
run_theirs() { # NAME: on the shop's capture
	# shellcheck disable=SC2046
	timeout 60 "$dredge" -r "$samples/shop.pcapng.lz4" -c "$theirs/$1.lua" $(arguments_of "$1") >out 2>&1
}
if [ -d "$theirs" ]; then
	{ class Equal; class Partial; class 'Need system calls'; } | sort >classed
	for file in "$theirs"/*.lua; do
		name=$(basename "$file" .lua)
		[[ $name == v_* ]] && continue
		grep -q '^short_description' "$file" || continue
		grep -qx "$name" classed || complain "$name of sysdig is in no class of dredge-chisels(7)"
	done
	for name in $(class Equal) $(class Partial); do
		[ -e "$theirs/$name.lua" ] || continue
		case $name in spectrogram | subsecoffset) continue ;; esac # want a terminal
		run_theirs "$name" || complain "$name of sysdig: $(tail -n 1 out)"
		[ "$(wc -l <out)" -gt 2 ] || complain "$name of sysdig finds nothing"
	done
	for name in $(class 'Need system calls'); do
		[ -e "$theirs/$name.lua" ] || continue
		# It fails, or prints a heading at most.
		if run_theirs "$name" && sed '1,2d; /in:0 *out:0/d' out | grep -q .; then
			complain "$name of sysdig finds something after all"
		fi
	done
fi

# ---- sums beside tshark's --------------------------------------------------------------------

# What print_sorted_table shows of a number of bytes.
human='function human(v) {
	if (v > 1048576) return sprintf("%.2fM", v / 1048576)
	return v > 1024 ? sprintf("%.2fKB", v / 1024) : v "B"
}'
beside() { # NAME: `wanted` against what the chisel prints behind its heading
	run_theirs "$1" || complain "$1: $(tail -n 1 out)"
	sed 1,2d out | sed 's/ *$//; s/  */ /g' | sort >got
	sed 's/ *$//; s/  */ /g' wanted | sort >sorted
	diff sorted got >differ || complain "$1, '<' tshark, '>' dredge: $(head -n 6 differ)"
	[ -s got ] || complain "$1 finds nothing"
}
if [ -d "$theirs" ] && command -v tshark >/dev/null; then
	"$dredge" -r "$samples/shop.pcapng.lz4" -w shop.pcapng 'ip or ipv6' || complain "dredge -w"
	tshark -r shop.pcapng -T fields -e frame.len -e ip.src -e tcp.srcport -e ip.dst -e tcp.dstport \
		-e frame.interface_description 2>/dev/null >packets
	# All servers of the sample wait below 32768.
	awk -F'\t' "$human"'
		$3 { port = $3 < $5 ? $3 : $5; sum[port] += $1 }
		END { for (p in sum) print human(sum[p]), p }' packets >wanted
	beside topports_server
	awk -F'\t' "$human"'
		$3 { c = $3 > $5 ? $2 ":" $3 "->" $4 ":" $5 : $4 ":" $5 "->" $2 ":" $3; sum[c] += $1 }
		END { for (c in sum) print sum[c], human(sum[c]), "tcp", c }' packets | sort -k 1,1nr |
		cut -d ' ' -f 2- >all
	# Of thirty rows the last ones may share their sum with others that are left out.
	run_theirs topconns
	sed 1,2d out | sed 's/  */ /g' | sort >got
	[ "$(wc -l <got)" = 30 ] || complain "topconns: $(wc -l <got) rows"
	sort all >sorted
	[ -z "$(comm -13 sorted got)" ] || complain "topconns: $(comm -13 sorted got | head -n 3)"
	[ "$(head -n 30 all | awk '{print $1}' | sort)" = "$(awk '{print $1}' got | sort)" ] ||
		complain "topconns: not the greatest"
	# A name that became known later is that of the packets before, too.
	awk -F'\t' "$human"'
		match($6, /container=[^ ]*/) {
			id = substr($6, RSTART, RLENGTH)
			sum[id] += $1
			if (!match($6, /app=[^ ]*/)) next
			n = split(substr($6, RSTART + 4, RLENGTH - 4), part, "/")
			name[id] = part[n]
			for (i = n - 1; i > 1; i--) name[id] = name[id] "." part[i]
		}
		END { for (id in sum) print human(sum[id]), name[id] }' packets >wanted
	beside topcontainers_net
fi
exit $status
