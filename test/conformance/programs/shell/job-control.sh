# Job control is off in a script; what needs it says so.
fg
bg
suspend
set -m
sleep 0.1 & wait
set +m
echo "$-"
