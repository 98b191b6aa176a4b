# No signal comes in ignored or blocked.
grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status
trap
