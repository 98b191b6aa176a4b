# Variables that the shell reads only when it starts.
echo "[$PS1][$PS2][$OPTIND][$TIMEFORMAT][$HISTFILE][$COLUMNS][$MAILCHECK][$TMOUT][$GLOBIGNORE]" | cat -A
set -x
: traced
set +x
time true 2>/dev/null; shopt dotglob; OPTIND=1
echo "$SHLVL $SHELLOPTS"
