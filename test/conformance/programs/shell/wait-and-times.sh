times | tr -d '0-9'
time (exit 3) 2>/dev/null
echo "$?"
TIMEFORMAT='%R' ; { time sleep 0.1; } 2>&1 | grep -cE '^[0-9]+[.][0-9]{3}$'
sleep 0.01 & wait $! && echo "done $?"
history | wc -l; echo "${HISTFILE-unset} ${HISTCMD-}"
