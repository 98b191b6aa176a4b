exec 3>out.txt
echo three >&3
exec 3>&-
echo bad >&3
cat out.txt
{ echo out; echo err >&2; } >both.txt 2>&1; cat both.txt
echo replaced 2>&1 >/dev/null
set -C; echo x >out.txt; echo "$?"; echo y >|out.txt; cat out.txt; set +C
exec 4<out.txt; read -r -u 4 line; echo "$line"
ls /proc/self/fd | wc -l
exec >file.txt; echo hidden; exec >/dev/stderr; echo "to stderr"
exec 1>&-
echo lost
