trap 'echo trapped' USR1
(sleep 0.2; kill -USR1 $$) &
sleep 5 &
sleeper=$!
wait "$sleeper"
echo "wait was interrupted: $?"
kill "$sleeper"
wait "$sleeper"
echo "sleeper: $?"
