echo "$((SECONDS < 2))" "$((RANDOM >= 0))" "$((EPOCHSECONDS > 1700000000))"
[[ $$ == "$BASHPID" ]] && echo same
(($$ > PPID)) && echo child
ps 2>/dev/null | wc -l
