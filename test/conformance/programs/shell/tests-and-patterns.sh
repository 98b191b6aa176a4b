[[ abc == a* && abc < abd && 10 -gt 9 ]] && echo yes
[[ "foo123" =~ ([a-z]+)([0-9]+) ]] && echo "${BASH_REMATCH[@]}"
[ -f main.sh ] && [ -d /tmp ] && [ ! -e nothing ] && echo files
test -z "" -a -n x && echo tests
case "$0" in *.sh) echo script ;;& main*) echo main ;; *) echo no ;; esac
[ a = ] ; echo "$?"
[ ( a ] ; echo "$?"
