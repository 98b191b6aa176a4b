seq 100000 | head -n 1
echo "${PIPESTATUS[*]}"
trap '' PIPE
{ seq 100000; echo "seq: $?" >&2; } | head -n 1
