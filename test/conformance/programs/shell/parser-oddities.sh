echo "comment at the end" # here
echo 'single '"double $((1+1))"' single'
: <<'COMMENT'
skipped $(no)
COMMENT
if [ 1 ]; then echo a; elif [ 2 ]; then echo b; else echo c; fi
until [[ ${n:=0} -ge 3 ]]; do ((n++)); done; echo "$n"
while :; do break; done; for x; do echo no; done
{ echo "group"; }; function named { echo "named"; }; named
a=1 b=2 bash -c 'echo $a$b'; echo "${a-unset}"
echo `echo "back \`echo nested\`"`
! false && echo negated
echo "ünïcödé ✓" | rev 2>/dev/null || echo "no rev"
