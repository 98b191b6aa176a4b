# A group of its own, which a signal to the group reaches.
trap 'echo group' TERM
kill -TERM 0
echo "$?"
[[ $(ps -o pgid= $$ 2>/dev/null | tr -d ' ' || echo $$) == "$$" ]] || [[ $(cut -d' ' -f5 /proc/$$/stat) == "$$" ]] && echo leader
