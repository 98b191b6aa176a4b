coproc CAT { cat; }
echo "to the coprocess" >&"${CAT[1]}"
read -r line <&"${CAT[0]}"
echo "$line"
pid=$CAT_PID # bash forgets it when the coprocess has ended
exec {CAT[1]}>&-
wait "$pid"
echo "$?"
