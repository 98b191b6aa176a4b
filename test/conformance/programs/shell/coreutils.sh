seq 5 | paste -sd+ | tee sum | tr + ' '
printf 'b 2\na 1\nc 3\n' | sort -k2nr | awk '{s += $2; print NR, $1} END {print s}' | sed -n '2,$p'
echo 'text' | md5sum | cut -c1-8; date -u -d @0 +%F; basename /a/b.c .c; dirname /a/b; realpath .
find . -name '*.sh' -printf '%f %s\n' | sort; du --version >/dev/null && echo du
grep -c . main.sh; wc -c <main.sh; head -c 5 main.sh | od -c; expr 3 + 4; factor 84
mktemp -d | sed 's/\..*//'; timeout 0.1 sleep 5; echo "$?"; xargs -n 1 echo <<<"1 2"; env -i A=1 env
tar --version | head -n 1 >/dev/null; curl --version | head -n 1 | cut -d' ' -f1; nproc | grep -c .
