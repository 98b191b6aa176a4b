ls -l /proc/$$/fd | awk 'NR > 1 {print $9, ($11 ~ /pipe/ ? "pipe" : $11)}' | grep -v 255
exec {fd}>x; echo "$fd"
: 3>&1 | true
echo "$(echo x >&3)" 3>&1
