f() { echo in; exit 12; }
x=$(f); echo "$x $?"
f | cat
echo "${PIPESTATUS[0]}"
f
