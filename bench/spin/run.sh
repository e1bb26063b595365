#!/usr/bin/env bash
# Ours, as is the model: the baseline of bench/check.js, the thread's question as a Promela model, run by Spin (package `spin`).
# usage: run.sh "PROMELA DEFS" ["CC DEFS"] ["PAN ARGS"]     e.g. run.sh "-DN=5 -DNCPU=3" "" "-m20000000 -w26"
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
start=$(date +%s.%N)
spin ${1:-"-DN=4 -DNCPU=2"} -a "$here/directmap.pml" >spin.out
gcc -O2 -w -DSAFETY ${2:-} -o pan pan.c
compiled=$(date +%s.%N)
./pan ${3:--m20000000 -w24} >pan.out || true
end=$(date +%s.%N)
grep -E 'errors:|states, stored|transitions|equivalent memory|actual memory usage for states|total actual memory|pan: rate|assertion violated|MEMLIM|max search depth too small' pan.out
echo "compile $(echo "$compiled - $start" | bc) s, search $(echo "$end - $compiled" | bc) s"
