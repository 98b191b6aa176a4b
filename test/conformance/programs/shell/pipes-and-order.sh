echo one; echo two >&2; echo three
printf 'no newline'; printf 'err' >&2
(echo a; echo b >&2) 2>&1 | cat
for i in 1 2 3; do echo "$i"; done | while read -r n; do echo "got $n"; done
yes | head -n 3
cat /dev/zero | head -c 100000 | tr '\0' x
seq 20000
