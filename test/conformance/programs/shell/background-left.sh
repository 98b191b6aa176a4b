# What is still running when the script is over does not hold it up.
sleep 60 &
(sleep 60; echo never) &
nohup sleep 60 >/dev/null 2>&1 &
disown
echo done
