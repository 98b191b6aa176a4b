echo before
kill $$
sleep 1
