for signal in USR1 USR2 TERM HUP INT QUIT ALRM; do trap "echo got $signal" "$signal"; done
for signal in USR1 USR2 TERM HUP INT QUIT ALRM; do kill -s "$signal" $$; done
trap '' USR1
bash -c 'trap -p; kill -USR1 $$; echo survived'
trap - USR1 TERM
trap -p | sort
kill -TERM $$
echo never
