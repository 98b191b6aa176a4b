echo $((2 ** 62)) $((2 ** 63)) $((-7 / 2)) $((-7 % 3)) $((0x1f + 010)) $((16#ff)) $((1 ? 2 : 3)) $((5 & 3 | 8))
((x = 5, x++, x += 2)); echo "$x $?"
((0)); echo "$?"
let "y = 3 * 4"; echo "$y"
echo $((08))
echo "still"
declare -i number=3+4; echo "$number"
for ((i = 0; i < 3; i++)); do printf '%d ' "$i"; done; echo
echo $((nothing + 1)) $((1 + ))
