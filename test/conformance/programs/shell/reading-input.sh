read -r first
echo "first [$first]"
IFS=, read -r a b c
echo "$a|$b|$c"
read -r -n 3 three; echo "$three"
read -r rest; echo "$rest"
read -r -t 1 timed; echo "$? $timed"
mapfile -t -n 2 lines; echo "${lines[*]}"
while IFS= read -r line || [[ $line ]]; do echo "[$line]"; done
read -r nothing; echo "$? [$nothing]"
