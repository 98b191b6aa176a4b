type echo cd if greet ls 2>&1
greet() { :; }
alias ll='ls -l'
type -t greet ll ls cd for nothing
ll 2>&1 | head -n 1
shopt -s expand_aliases
ll main.sh >/dev/null; echo "$?"
command -v ls bash python3
builtin nothing
enable -n echo; type echo; enable echo
help true | head -n 1
hash ls; hash | tail -n 1 | tr -s ' \t' ' '
