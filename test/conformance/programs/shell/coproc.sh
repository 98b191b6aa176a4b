coproc CAT { cat; }
echo "to the coprocess" >&"${CAT[1]}"
read -r line <&"${CAT[0]}"
echo "$line"
exec {CAT[1]}>&-
wait "$CAT_PID"
echo "$?"
