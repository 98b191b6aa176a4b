printf '\000\001\377\376\n'
printf '\xc3\x28' >&2
head -c 300 /dev/zero
