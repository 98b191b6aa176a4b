trap 'echo trapped' USR1
(sleep 2; kill -USR1 $$) &
sleep 60 &
sleeper=$!
wait "$sleeper"
echo "wait was interrupted: $?"
kill "$sleeper"
wait "$sleeper"
echo "sleeper: $?"
