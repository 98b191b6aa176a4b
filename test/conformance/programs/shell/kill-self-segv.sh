trap 'echo exit trap' EXIT
kill -SEGV $$
