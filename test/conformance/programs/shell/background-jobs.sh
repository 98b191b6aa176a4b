sleep 0.3 & first=$!
(exit 5) & second=$!
wait "$second"; echo "second $?"
wait "$first"; echo "first $?"
wait 99999999; echo "$?"
true & wait -n; echo "any $?"
sleep 10 & kill $!; wait $!; echo "killed $?"
sleep 10 &
jobs | sed 's/ *$//'
kill %1; wait %1; echo "job $?"
{ echo grouped; exit 3; } & wait $!
echo "$?"
