diff <(printf '1\n2\n') <(printf '1\n3\n')
echo "$?"
paste -d, <(seq 3) <(seq 4 6)
printf 'x\ny\n' | tee >(wc -l >count) >/dev/null
until [[ -s count ]]; do sleep 0.05; done
cat count
mapfile -t lines < <(printf 'a\nb\n')
echo "${#lines[@]} ${lines[1]}"
[[ <(:) == /dev/fd/* ]] && echo "fd"
