read -r x; echo "$? [$x]"
cat
[ -t 0 ]; echo "$?"
[ -p /dev/stdin ]; echo "$?"
tty
echo "$?"
